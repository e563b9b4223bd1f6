import { Accordion, Flex, StatusTag, Text } from '@hubspot/ui-extensions'
import type { StageReport } from './shared/answers.ts'
import { Shown } from './shared/shown.tsx'
import { useRead } from './shared/use-read.ts'
import { words } from './shared/words.ts'

const { stages: text } = words

/** Which stage suits Meta best, by Meta's own conditions. */
export function Suitability() {
  const report = useRead<StageReport>('/figures/stages')
  return (
    <Accordion title={text.suits}>
      <Shown read={report}>
        {(data) => (
          <Flex direction="column" gap="small">
            <Text>{data.text}</Text>
            {data.stages.map(({ eventName, share, medianHours, conditions, fits }) => {
              const early = conditions.some(({ state }) => state === 'too_little_data')
              return (
                <Flex key={eventName} gap="small" align="center">
                  <StatusTag variant={fits ? 'success' : early ? 'default' : 'warning'}>
                    {fits ? text.fits : early ? text.early : text.fitsNot}
                  </StatusTag>
                  <Text>
                    {[eventName, share !== null && text.reach(share), medianHours !== null && text.half(medianHours)]
                      .filter((part) => part !== false)
                      .join(' · ')}
                  </Text>
                </Flex>
              )
            })}
          </Flex>
        )}
      </Shown>
    </Accordion>
  )
}
