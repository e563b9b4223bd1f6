import { Badge, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { resources, type StageReport } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Shown } from '../../parts/shown.tsx'
import { words } from '../../words.ts'

const said = words.stages

/** Which of the events Meta can be asked to look for. */
export function Suitability() {
  const report = useQuery(resources.stageReport)
  return (
    <Card title={said.suits}>
      <Shown query={report}>
        {({ text, stages, common }) => (
          <>
            <Text>{text}</Text>
            {common.map((condition) => (
              <Text key={condition.name} size="sm" c="dimmed" mt={4}>
                {condition.text}
              </Text>
            ))}
            <ul className="lines">
              {stages.filter(hasData).map((stage) => (
                <StageLine key={stage.eventName} {...stage} />
              ))}
            </ul>
          </>
        )}
      </Shown>
    </Card>
  )
}

/** Of the others the text above says that it is too early. */
const hasData = ({ conditions }: StageReport['stages'][number]) => conditions.some(({ state }) => state !== 'too_little_data')

function StageLine({ eventName, share, medianHours, fits, conditions }: StageReport['stages'][number]) {
  const early = conditions.some(({ state }) => state === 'too_little_data')
  const [mood, verdict] = fits ? ['good', said.fits] : early ? ['soft', said.early] : ['warn', said.fitsNot]
  const facts = [share !== null && said.reach(share), medianHours !== null && said.half(medianHours)].filter((fact) => fact !== false)
  return (
    <li>
      <Text component="span" fw={600}>
        {eventName}
      </Text>{' '}
      <Badge variant="outline" color="gray" tt="none" classNames={{ label: mood }}>
        {verdict}
      </Badge>
      <Text size="sm" c="dimmed">
        {facts.join(', ')}
      </Text>
      {!fits && !early && (
        <Text size="sm">
          {conditions
            .filter(({ state }) => state === 'not_met')
            .map(({ text }) => text)
            .join(' ')}
        </Text>
      )}
    </li>
  )
}
