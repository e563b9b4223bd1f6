import {
  Alert,
  Flex,
  Form,
  Heading,
  Select,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
} from '@hubspot/ui-extensions'
import type { MissingLeads as Missing } from './shared/answers.ts'
import { here } from './shared/here.ts'
import { KeepChanges } from './shared/keep-changes.tsx'
import { Shown } from './shared/shown.tsx'
import { useDraft } from './shared/use-draft.ts'
import { type Read, useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const { missing: said } = words
/** So many are asked for. */
const MOST = 100
const SHOWN = 10

/** Leads that Meta told of and that never reached the CRM, and what to do; nothing where no page tells of its leads. */
export function MissingLeads() {
  const missing = useRead<Missing>('/leads/missing')
  if (missing.data?.isTold === false && missing.data.leads.length === 0) return null
  return (
    <Flex direction="column" gap="small">
      <Heading>{said.title}</Heading>
      <Text>{said.text}</Text>
      <Shown read={missing}>
        {(data) => (
          <>
            <Leads {...data} />
            <After missing={data} read={missing} />
          </>
        )}
      </Shown>
    </Flex>
  )
}

const nameOf = (named: Missing['leads'][number]['form']) => named?.name ?? named?.id

function Leads({ afterMinutes, hindrance, leads }: Missing) {
  const { timeZone } = useVisitor()
  if (hindrance !== null) return <Alert title={hindrance.text} variant="info" />
  if (leads.length === 0) return <Text>{afterMinutes === 0 ? said.never : said.none}</Text>
  const lost = leads.filter(({ knownBefore }) => !knownBefore).length
  return (
    <>
      {lost > 0 && (
        <Alert title={said.wayTitle(lost, leads.length < MOST)} variant="warning">
          {said.way}
        </Alert>
      )}
      <Table bordered density="condensed">
        <TableHead>
          <TableRow>
            <TableHeader>{here.story.when}</TableHeader>
            <TableHeader>{here.activity.form}</TableHeader>
            <TableHeader>{here.story.leadId}</TableHeader>
          </TableRow>
        </TableHead>
        <TableBody>
          {leads.slice(0, SHOWN).map(({ metaLeadId, generatedAt, form, ad, campaign, knownBefore }) => (
            <TableRow key={metaLeadId}>
              <TableCell>{when(generatedAt, timeZone)}</TableCell>
              <TableCell>
                <Text>{[nameOf(form) ?? said.noForm, nameOf(campaign), nameOf(ad)].filter((name) => name !== undefined).join(' · ')}</Text>
                {knownBefore && <Text variant="microcopy">{said.before}</Text>}
              </TableCell>
              <TableCell>{metaLeadId}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </>
  )
}

const splitOf = ({ version, afterMinutes }: Missing) => ({ version, value: { afterMinutes } })

/** After how long a lead is missed. */
function After({ missing, read }: { missing: Missing; read: Read<Missing> }) {
  const api = useApi()
  const { admin } = useVisitor()
  const draft = useDraft({
    read,
    ...splitOf(missing),
    send: (version, changed) => api.change('PUT', '/leads/missing', { version, ...changed }),
    latest: async () => splitOf(await api.read<Missing>('/leads/missing')),
    done: words.unsaved.saved,
  })
  const { afterMinutes } = draft.value
  const minutes = [...new Set([...Object.keys(said.afterChoices).map(Number), afterMinutes])].filter((one) => one > 0).sort((a, b) => a - b)
  return (
    <Form onSubmit={draft.save}>
      <Flex direction="column" gap="small" align="start">
        <Select
          label={said.after}
          name="afterMinutes"
          readOnly={!admin}
          value={afterMinutes}
          options={[...minutes, 0].map((value) => ({ value, label: said.afterChoices[value] ?? said.minutes(value) }))}
          onChange={(value) => draft.put({ afterMinutes: Number(value) })}
        />
        {admin && <KeepChanges draft={draft} />}
      </Flex>
    </Form>
  )
}
