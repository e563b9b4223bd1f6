import { Accordion, Button, Flex, Form, Input, Select, Text } from '@hubspot/ui-extensions'
import { useState } from 'react'
import type { Dataset, Route } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { useChange } from './shared/use-change.ts'
import { useApi } from './shared/use-read.ts'

const { connection: text } = here

/** The version of a route that is not there yet. */
const NONE = 'none'

/** Connects a dataset by its token and feeds it, in shadow mode at first; or makes a link for whoever holds it. */
export function ConnectDataset({ connected }: { connected: () => void }) {
  const api = useApi()
  const change = useChange()
  const invitation = useChange()
  const [metaId, setMetaId] = useState('')
  const [token, setToken] = useState('')
  const [crmDataset, setCrmDataset] = useState<string>()
  const [url, setUrl] = useState<string>()
  // Meta need not show a dataset to a token that is made for sending only.
  const unproven = change.error?.code === 'dataset_not_shown'
  const save = async () => {
    const { id } = await api.change<Pick<Dataset, 'id'>>('POST', '/datasets', { metaId, token, crmDataset, withoutProof: unproven })
    const routes = await api.read<Route[]>('/routes')
    if (!routes.some(({ datasetId }) => datasetId === id)) await api.change('PUT', `/routes/${id}`, { version: NONE, mode: 'shadow' })
  }
  return (
    <Flex direction="column" gap="medium" align="start">
      <Form
        onSubmit={() =>
          change.make(save, {
            done: text.connected,
            after: () => {
              setToken('')
              connected()
            },
          })
        }
      >
        <Flex direction="column" gap="small">
          <Input
            label={text.id}
            name="metaId"
            description={text.idHelp}
            required
            value={metaId}
            onInput={setMetaId}
            error={change.error?.field === 'metaId'}
          />
          <Input
            label={text.token}
            name="token"
            type="password"
            description={text.tokenHelp}
            required
            value={token}
            onInput={setToken}
            error={change.error?.field === 'token'}
          />
          <Select
            label={text.forCrm}
            name="crmDataset"
            description={text.forCrmHelp}
            required
            value={crmDataset}
            options={Object.entries(text.forCrmChoices).map(([value, label]) => ({ value, label }))}
            onChange={(value) => setCrmDataset(String(value))}
          />
          <Failed error={change.error} />
          <Flex>
            <Button variant="primary" type="submit" disabled={change.busy || metaId === '' || token === '' || crmDataset === undefined}>
              {unproven ? text.connectUnproven : text.connect}
            </Button>
          </Flex>
        </Flex>
      </Form>
      <Accordion title={text.invite} size="small">
        <Flex direction="column" gap="small" align="start">
          <Failed error={invitation.error} />
          <Button
            variant="secondary"
            disabled={invitation.busy}
            onClick={() =>
              invitation.make(() => api.change<{ url: string }>('POST', '/invitations', { what: 'dataset' }), {
                after: (made) => setUrl(made.url),
              })
            }
          >
            {text.invite}
          </Button>
          {url !== undefined && (
            <>
              <Text>{text.invited}</Text>
              <Text format={{ fontWeight: 'demibold' }}>{url}</Text>
            </>
          )}
        </Flex>
      </Accordion>
    </Flex>
  )
}
