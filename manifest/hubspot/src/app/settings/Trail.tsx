import { Flex, Heading, Table, TableBody, TableCell, TableHead, TableHeader, TableRow, Text } from '@hubspot/ui-extensions'
import { detailOf } from './detail-of.ts'
import type { AuditPage } from './shared/answers.ts'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { TurnPages, usePages } from './shared/turn-pages.tsx'
import { useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { useWho } from './shared/who.ts'
import { words } from './shared/words.ts'

const { trail: text } = here
const LINES = '10'

/** Who changed what and when, the latest first. */
export function Trail() {
  const pages = usePages()
  const { timeZone } = useVisitor()
  const who = useWho()
  const page = useRead<AuditPage>(
    `/audit?${new URLSearchParams({ limit: LINES, ...(pages.after !== undefined && { after: pages.after }) })}`,
  )
  return (
    <Flex direction="column" gap="small">
      <Heading>{words.connection.trail}</Heading>
      <Shown read={page}>
        {({ lines, next }) =>
          lines.length === 0 ? (
            <Text>{words.connection.trailEmpty}</Text>
          ) : (
            <>
              <Table bordered density="condensed">
                <TableHead>
                  <TableRow>
                    <TableHeader>{text.when}</TableHeader>
                    <TableHeader>{text.who}</TableHeader>
                    <TableHeader>{text.what}</TableHeader>
                  </TableRow>
                </TableHead>
                <TableBody>
                  {lines.map(({ id, at, actor, text: what, about, detail }) => (
                    <TableRow key={id}>
                      <TableCell>{when(at, timeZone)}</TableCell>
                      <TableCell>{who(actor)}</TableCell>
                      <TableCell>
                        <Text>{what}</Text>
                        <Text variant="microcopy">{[about, detailOf(detail)].filter(Boolean).join(' · ')}</Text>
                      </TableCell>
                    </TableRow>
                  ))}
                </TableBody>
              </Table>
              <TurnPages pages={pages} next={next} />
            </>
          )
        }
      </Shown>
    </Flex>
  )
}
