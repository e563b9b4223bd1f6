import { Button, Checkbox, Group, PasswordInput, Radio, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { ApiError } from '../../api/client.ts'
import { changes, resources } from '../../api/resources.ts'
import { Note } from '../../parts/note.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { AtMeta } from './at-meta.tsx'

const said = words.connection

/**
 * A dataset and its token: the only things that anybody has to type.
 * @param metaId of a known dataset, which only gets a new token
 * @param onSaved is told our id of the dataset
 */
export function DatasetForm({ metaId = '', onSaved }: { metaId?: string; onSaved: (id: number) => void }) {
  const business = useQuery(resources.datasetWays).data?.business ?? null
  const form = useForm({
    initialValues: { metaId, shared: false, token: '', crmDataset: '' },
    validate: {
      metaId: (value) => (/^\d{5,20}$/.test(value.trim()) ? null : said.digitsOnly),
      token: (value, { shared }) => (value.trim() === '' && !shared ? said.tokenNeeded : null),
      crmDataset: (value) => (value === '' ? said.isCrmNeeded : null),
    },
  })
  const save = useChange(changes.saveDataset, {
    after: ({ id }) => {
      form.reset()
      onSaved(id)
    },
  })
  // A token that may only send cannot show its dataset; whoever knows better may save it.
  const notShown = save.error instanceof ApiError && save.error.code === 'dataset_not_shown'
  const saveIt = (how?: { withoutProof: true }) => {
    const { shared, token, ...given } = form.getValues()
    save.mutate({ ...given, ...(!shared && { token }), ...how })
  }
  return (
    <>
      <AtMeta />
      <form onSubmit={form.onSubmit(() => saveIt())} noValidate>
        <Group align="flex-start" gap="md" grow preventGrowOverflow={false} style={{ flexWrap: 'wrap' }}>
          <TextInput
            label={said.datasetId}
            description={said.datasetIdHint}
            inputMode="numeric"
            autoComplete="off"
            disabled={metaId !== ''}
            miw={240}
            {...form.getInputProps('metaId')}
          />
          <PasswordInput
            label={said.token}
            description={said.tokenHint}
            autoComplete="off"
            visibilityToggleButtonProps={{ 'aria-label': said.token }}
            miw={240}
            disabled={form.getValues().shared}
            {...form.getInputProps('token')}
          />
        </Group>
        {business !== null && <Checkbox mt="md" label={said.isShared(business)} {...form.getInputProps('shared', { type: 'checkbox' })} />}
        <Radio.Group label={said.isCrm} description={said.isCrmText} mt="md" {...form.getInputProps('crmDataset')}>
          <Group mt="xs">
            {Object.entries(said.isCrmChoices).map(([value, label]) => (
              <Radio key={value} value={value} label={label} />
            ))}
          </Group>
        </Radio.Group>
        {save.error && (
          <div style={{ marginTop: 12 }}>
            <Note
              mood="bad"
              role="alert"
              actions={
                notShown && (
                  <Button size="xs" variant="default" onClick={() => saveIt({ withoutProof: true })}>
                    {said.connectAnyway}
                  </Button>
                )
              }
            >
              {save.error.message}
            </Note>
          </div>
        )}
        <Button type="submit" mt="md" loading={save.isPending}>
          {said.connectDataset}
        </Button>
      </form>
    </>
  )
}
