import '@mantine/charts/styles.css'
import { BarChart } from '@mantine/charts'
import { Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { resources } from '../../api/resources.ts'
import { Shown } from '../../parts/shown.tsx'
import { words } from '../../words.ts'
import { funnelOf } from './funnel-of.ts'

const said = words.overview
const LINE_PX = 44

/** Drawn for the eye, and as a table for everybody. */
export function Funnel() {
  const figures = useQuery(resources.figures('event'))
  const stages = useQuery(resources.stages)
  return (
    <Shown query={figures}>
      {(data) => {
        const lines = funnelOf(data, stages.data ?? { rawLead: { enabled: true, eventName: '' }, stages: [] })
        if (lines.length === 0)
          return (
            <Text size="sm" c="dimmed">
              {said.funnelEmpty}
            </Text>
          )
        return (
          <>
            <div aria-hidden style={{ overflow: 'hidden' }}>
              <BarChart
                h={lines.length * LINE_PX + 16}
                data={lines}
                dataKey="name"
                orientation="vertical"
                series={[{ name: 'leads', label: said.leads, color: 'accent.6' }]}
                withBarValueLabel
                // Without one it writes nothing beside the bars.
                valueFormatter={(leads) => leads.toLocaleString('en-GB')}
                valueLabelProps={{ position: 'right' }}
                withXAxis={false}
                gridAxis="none"
                tickLine="none"
                yAxisProps={{ width: 128, interval: 0 }}
                barProps={{ radius: 4, isAnimationActive: false, maxBarSize: 26 }}
                barChartProps={{ accessibilityLayer: false, margin: { right: 56 } }}
                withTooltip={false}
              />
            </div>
            <details>
              <summary>{said.funnelTable}</summary>
              <Table mt="xs">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">{said.event}</Table.Th>
                    <Table.Th scope="col">{said.leads}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {lines.map(({ name, leads }) => (
                    <Table.Tr key={name}>
                      <Table.Td>{name}</Table.Td>
                      <Table.Td>{leads.toLocaleString('en-GB')}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </details>
          </>
        )
      }}
    </Shown>
  )
}
