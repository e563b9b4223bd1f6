import { Radio, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Rules, resources } from '../../api/resources.ts'
import { words } from '../../words.ts'

const said = words.leads
const choices = Object.entries(said.choices) as [Rules['whichLeads'], [string, string]][]

/** The three answers to which leads count, each with how many of the latest real people it would let through. */
export function WhichLeads({ rules, onChange }: { rules: Rules; onChange: (whichLeads: Rules['whichLeads']) => void }) {
  const { whichLeads: _, ...others } = rules
  const tried = useQuery({ ...resources.triedRules(others), staleTime: 60_000 })
  return (
    <Radio.Group aria-label={said.which} value={rules.whichLeads} onChange={(value) => onChange(value as Rules['whichLeads'])}>
      <Stack gap="xs">
        {choices.map(([value, [label, text]]) => (
          <div className="choice" key={value}>
            <Radio value={value} label={label} description={text} />
            <Text size="sm" ml={32} mt={4} aria-live="polite">
              {tried.data
                ? said.counting(tried.data.counting[value], tried.data.people)
                : tried.isError
                  ? tried.error.message
                  : said.countingBusy}
            </Text>
          </div>
        ))}
      </Stack>
    </Radio.Group>
  )
}
