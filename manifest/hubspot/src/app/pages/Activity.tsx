import {
  Button,
  EmptyState,
  Flex,
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
import { useState } from 'react'
import { MissingLeads } from './MissingLeads.tsx'
import type { ReasonCount, RecordPage, Reevaluation } from './shared/answers.ts'
import { Backfills } from './shared/backfills.tsx'
import { outcomes } from './shared/codes.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { OutcomeTag } from './shared/outcome-tag.tsx'
import { Shown } from './shared/shown.tsx'
import { RecordStory } from './shared/story.tsx'
import { TurnPages, usePages } from './shared/turn-pages.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'

type Ref = RecordPage['records'][number]['record']

/** What became of the changes, by reason and one by one; the story of each record; and judging anew. */
export function Activity() {
  const [record, setRecord] = useState<Ref>()
  if (record !== undefined)
    return (
      <Flex direction="column" gap="medium" align="start">
        <Button variant="transparent" onClick={() => setRecord(undefined)}>
          {here.back}
        </Button>
        <Heading>{`${here.story.title}: ${record.type} ${record.id}`}</Heading>
        <RecordStory type={record.type} id={record.id} />
      </Flex>
    )
  return (
    <Flex direction="column" gap="large">
      <MissingLeads />
      <Reasons />
      <Records show={setRecord} />
      <JudgeAgain />
      <Backfills />
    </Flex>
  )
}

function Reasons() {
  const counts = useRead<ReasonCount[]>('/records/counts')
  return (
    <Flex direction="column" gap="small">
      <Heading>{here.activity.reasons}</Heading>
      <Shown read={counts}>
        {(lines) =>
          lines.length === 0 ? (
            <EmptyState title={here.activity.none} imageName="leads" layout="vertical">
              <Text>{here.activity.noneText}</Text>
            </EmptyState>
          ) : (
            <Table bordered density="condensed">
              <TableHead>
                <TableRow>
                  <TableHeader>{here.story.outcome}</TableHeader>
                  <TableHeader>{here.activity.reason}</TableHeader>
                  <TableHeader align="right">{here.activity.changes}</TableHeader>
                </TableRow>
              </TableHead>
              <TableBody>
                {lines.map(({ outcome, reason, text, count }) => (
                  <TableRow key={`${outcome}/${reason}`}>
                    <TableCell>
                      <OutcomeTag outcome={outcome} />
                    </TableCell>
                    <TableCell>{text ?? '–'}</TableCell>
                    <TableCell align="right">{count}</TableCell>
                  </TableRow>
                ))}
              </TableBody>
            </Table>
          )
        }
      </Shown>
    </Flex>
  )
}

const ALL = 'all'
const choices = [{ value: ALL, label: here.activity.all }, ...Object.entries(outcomes).map(([value, label]) => ({ value, label }))]

function Records({ show }: { show: (record: Ref) => void }) {
  const { timeZone } = useVisitor()
  const [outcome, setOutcome] = useState(ALL)
  const pages = usePages()
  const { after } = pages
  const query = new URLSearchParams({ limit: '25', ...(outcome !== ALL && { outcome }), ...(after !== undefined && { after }) })
  const records = useRead<RecordPage>(`/records?${query}`)
  return (
    <Flex direction="column" gap="small">
      <Heading>{here.activity.latest}</Heading>
      <Select
        label={here.activity.show}
        name="outcome"
        value={outcome}
        options={choices}
        onChange={(value) => {
          pages.first()
          setOutcome(String(value))
        }}
      />
      <Shown read={records}>
        {({ records: lines, next }) => (
          <>
            <Table bordered density="condensed">
              <TableHead>
                <TableRow>
                  <TableHeader>{here.story.when}</TableHeader>
                  <TableHeader>{here.activity.record}</TableHeader>
                  <TableHeader>{here.story.stage}</TableHeader>
                  <TableHeader>{here.story.outcome}</TableHeader>
                </TableRow>
              </TableHead>
              <TableBody>
                {lines.map((line) => (
                  <TableRow key={`${line.eventId}/${line.datasetId}`}>
                    <TableCell>{when(line.occurredAt, timeZone)}</TableCell>
                    <TableCell>
                      <Button variant="transparent" size="small" onClick={() => show(line.record)}>
                        {`${line.record.type} ${line.record.id}`}
                      </Button>
                    </TableCell>
                    <TableCell>{line.stage === null ? here.story.newLead : (line.stage.label ?? line.stage.stageId)}</TableCell>
                    <TableCell>
                      <OutcomeTag outcome={line.outcome} />
                      {line.text !== null && <Text>{line.text}</Text>}
                    </TableCell>
                  </TableRow>
                ))}
              </TableBody>
            </Table>
            <TurnPages pages={pages} next={next} />
          </>
        )}
      </Shown>
    </Flex>
  )
}

function JudgeAgain() {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const reevaluation = useRead<Reevaluation>('/reevaluation')
  if (!admin) return null
  return (
    <Shown read={reevaluation}>
      {({ candidates }) => {
        const held = candidates.reduce((sum, { count }) => sum + count, 0)
        if (held === 0) return null
        return (
          <Flex direction="column" gap="small" align="start">
            <Heading>{here.activity.again}</Heading>
            <Text>{here.activity.againText(held)}</Text>
            <Failed error={change.error} />
            <Button
              variant="secondary"
              disabled={change.busy}
              onClick={() =>
                change.make(() => api.change('POST', '/reevaluation'), { done: here.activity.againDone, after: reevaluation.again })
              }
            >
              {here.activity.again}
            </Button>
          </Flex>
        )
      }}
    </Shown>
  )
}
