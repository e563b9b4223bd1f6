import { Input } from '@hubspot/ui-extensions'
import { nameProblem } from './shared/draft.ts'
import { words } from './shared/words.ts'

const { stages: text } = words

interface Name {
  label: string
  name: string
  value: string
  readOnly: boolean
  onInput: (value: string) => void
}

/** The name of an event: not empty, and not longer than Meta takes. */
export function NameInput({ label, name, value, readOnly, onInput }: Name) {
  const problem = nameProblem(value)
  const wrong = problem && text[problem]
  return (
    <Input
      label={label}
      name={name}
      value={value}
      readOnly={readOnly}
      error={wrong !== undefined}
      validationMessage={wrong}
      onInput={onInput}
    />
  )
}
