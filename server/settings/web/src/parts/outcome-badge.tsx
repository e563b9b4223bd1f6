import { Badge } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Outcome, resources } from '../api/resources.ts'

const moods: Record<Outcome, string> = {
  ...{ sent: 'good', pending: 'soft', waiting: 'soft', suppressed: 'soft' },
  ...{ unconfirmed: 'warn', expired: 'warn', rejected: 'bad' },
}

/** The words for codes, which hardly ever change. */
export const useCatalogue = () => useQuery({ ...resources.words, staleTime: Number.POSITIVE_INFINITY }).data

export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const catalogue = useCatalogue()
  return (
    <Badge variant="outline" color="gray" tt="none" classNames={{ label: moods[outcome] }} style={{ flex: 'none' }}>
      {catalogue?.outcomes[outcome] ?? outcome}
    </Badge>
  )
}
