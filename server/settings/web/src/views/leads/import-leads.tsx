import { Button, FileButton, Group, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type DragEvent, useEffect, useRef, useState } from 'react'
import { changes, type LeadImport } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useVisitor } from '../../parts/visitor.ts'
import { words } from '../../words.ts'
import example from './example.csv?url'

const said = words.import
const MOST_BYTES = 8_388_608

/** A table of leads from Meta or another tool: first what it would bring, then the same to keep it. */
export function ImportLeads() {
  const { admin } = useVisitor()
  const [country, setCountry] = useState('')
  const [isOver, setIsOver] = useState(false)
  const look = useMutation({
    mutationFn: async (chosen: File) => {
      if (chosen.size > MOST_BYTES) throw new Error(said.tooLarge)
      // What was looked at is what is kept, also when somebody saves the file anew meanwhile.
      const table = await chosen.arrayBuffer()
      return { name: chosen.name, table, told: await changes.importLeads({ table, country }) }
    },
  })
  const keep = useChange(changes.importLeads, { done: ({ fresh }) => said.kept(fresh) })
  const again = () => {
    look.reset()
    keep.reset()
  }
  const take = (chosen: File | null | undefined) => {
    if (!chosen || look.isPending) return
    keep.reset()
    look.mutate(chosen)
  }
  const onDrop = (event: DragEvent) => {
    event.preventDefault()
    setIsOver(false)
    if (admin) take(event.dataTransfer.files[0])
  }
  const looked = look.data
  return (
    <Card
      title={said.title}
      text={said.text}
      aside={
        <Button component="a" href={example} download="leads-example.csv" size="xs" variant="default">
          {said.example}
        </Button>
      }
    >
      <ForAdmins>
        {looked === undefined ? (
          <>
            <TextInput
              label={words.leads.country}
              description={said.countryText}
              maxLength={2}
              value={country}
              onChange={({ currentTarget: { value } }) => setCountry(value.toUpperCase())}
              maw={360}
              mb="sm"
            />
            <section
              className="drop"
              aria-label={said.drop}
              data-over={isOver || undefined}
              onDragOver={(event) => {
                event.preventDefault()
                setIsOver(true)
              }}
              onDragLeave={() => setIsOver(false)}
              onDrop={onDrop}
            >
              <Text size="sm">{said.drop}</Text>
              <FileButton onChange={take} accept=".csv,.tsv,.txt,text/csv" inputProps={{ 'aria-label': said.choose }}>
                {(props) => (
                  <Button {...props} variant="default" loading={look.isPending}>
                    {said.choose}
                  </Button>
                )}
              </FileButton>
            </section>
          </>
        ) : (
          <>
            <Told {...(keep.data ?? looked.told)} name={looked.name} />
            <Group gap="xs" mt="md">
              {keep.data === undefined && looked.told.leads > 0 && (
                <Button
                  loading={keep.isPending}
                  onClick={() => keep.mutate({ table: looked.table, country, confirm: looked.told.confirm })}
                >
                  {said.keep(looked.told.leads)}
                </Button>
              )}
              <Button variant="default" onClick={again} disabled={keep.isPending}>
                {said.another}
              </Button>
            </Group>
          </>
        )}
        <Failed error={look.error ?? keep.error} />
      </ForAdmins>
    </Card>
  )
}

/** What the table brings, or brought; with the lines that cannot be read, and why. */
function Told({ name, kept, leads, fresh, known, tests, erased, matched, records, unreadable, lines }: LeadImport & { name: string }) {
  const heading = useRef<HTMLHeadingElement>(null)
  // The button that was pressed for it is gone.
  useEffect(() => heading.current?.focus(), [])
  const counts = [
    [said.leads, leads],
    [said.fresh, fresh],
    [said.known, known],
    [said.matched, matched],
    [said.tests, tests],
    [said.erased, erased],
    [said.unreadable, unreadable],
  ] as const
  return (
    <>
      <Title order={3} ref={heading} tabIndex={-1} style={{ overflowWrap: 'anywhere' }}>
        {kept ? said.isKept(name) : said.looked(name)}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {kept ? said.keptText : leads === 0 ? said.noLeads : said.lookedText}
      </Text>
      <dl className="numbers" style={{ margin: 0 }}>
        {counts
          .filter(([label, count]) => count > 0 || label === said.leads || label === said.matched)
          .map(([label, count]) => (
            <div key={label}>
              <Text component="dt" size="sm" c="dimmed">
                {label}
              </Text>
              <dd className="number" style={{ margin: 0 }}>
                {count.toLocaleString('en-GB')}
              </dd>
            </div>
          ))}
      </dl>
      {lines.length > 0 && (
        <>
          <Title order={3} mt="md">
            {said.linesTitle}
          </Title>
          <ul className="lines">
            {lines.map(({ line, text }) => (
              <li key={line} style={{ padding: '6px 0' }}>
                <Text size="sm">
                  <strong>{said.line(line)}</strong> {text}
                </Text>
              </li>
            ))}
          </ul>
          {unreadable > lines.length && (
            <Text size="sm" c="dimmed">
              {said.moreLines(unreadable - lines.length)}
            </Text>
          )}
        </>
      )}
      {records.length > 0 && (
        <details style={{ marginTop: 12 }}>
          <summary>{said.recordsTitle}</summary>
          <ul className="lines">
            {records.map(({ connectionId, record, metaLeadId }) => (
              <li key={`${connectionId} ${record.type} ${record.id}`} style={{ padding: '6px 0' }}>
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {said.match(record.type, record.id, metaLeadId)}
                </Text>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}
