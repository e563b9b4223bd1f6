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
import { type Pages, TurnPages, usePages } from './shared/turn-pages.tsx'
import { useDraft } from './shared/use-draft.ts'
import { type Read, useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const { missing: said } = words
const PATH = '/leads/missing?limit=25'

/** Leads that Meta told of and that never reached the CRM, and what to do; nothing where no page tells of its leads. */
export function MissingLeads() {
  const missing = useRead<Missing>(PATH)
  const pages = usePages()
  if (missing.data?.isTold === false && missing.data.leads.length === 0) return null
  return (
    <Flex direction="column" gap="small">
      <Heading>{said.title}</Heading>
      <Text>{said.text}</Text>
      <Shown read={missing}>
        {(data) => (
          <>
            {data.lost !== null && data.lost.count > 0 && (
              <Alert title={said.wayTitle(data.lost.count, !data.lost.more)} variant="warning">
                {said.way}
              </Alert>
            )}
            {pages.after === undefined ? (
              <Leads missing={data} pages={pages} />
            ) : (
              <Older key={`${pages.after} ${data.version}`} after={pages.after} pages={pages} />
            )}
            <After missing={data} read={missing} />
          </>
        )}
      </Shown>
    </Flex>
  )
}

/** A page behind the first. */
function Older({ after, pages }: { after: string; pages: Pages }) {
  const older = useRead<Missing>(`${PATH}&after=${after}`)
  return <Shown read={older}>{(data) => <Leads missing={data} pages={pages} />}</Shown>
}

const nameOf = (named: Missing['leads'][number]['form']) => named?.name ?? named?.id

function Leads({ missing: { afterMinutes, hindrance, leads, next }, pages }: { missing: Missing; pages: Pages }) {
  const { timeZone } = useVisitor()
  const none = afterMinutes === 0 ? said.never : pages.after === undefined ? said.none : here.activity.noneOlder
  return (
    <>
      {hindrance !== null ? (
        <Alert title={hindrance.text} variant="info" />
      ) : leads.length === 0 ? (
        <Text>{none}</Text>
      ) : (
        <Table bordered density="condensed">
          <TableHead>
            <TableRow>
              <TableHeader>{here.story.when}</TableHeader>
              <TableHeader>{here.activity.form}</TableHeader>
              <TableHeader>{here.story.leadId}</TableHeader>
            </TableRow>
          </TableHead>
          <TableBody>
            {leads.map(({ metaLeadId, generatedAt, form, ad, campaign, knownBefore }) => (
              <TableRow key={metaLeadId}>
                <TableCell>{when(generatedAt, timeZone)}</TableCell>
                <TableCell>
                  <Text>
                    {[nameOf(form) ?? said.noForm, nameOf(campaign), nameOf(ad)].filter((name) => name !== undefined).join(' · ')}
                  </Text>
                  {knownBefore && <Text variant="microcopy">{said.before}</Text>}
                </TableCell>
                <TableCell>{metaLeadId}</TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
      <TurnPages pages={pages} next={next} />
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
    latest: async () => splitOf(await api.read<Missing>(PATH)),
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
