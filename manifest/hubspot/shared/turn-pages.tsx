import { Button, Flex } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { here } from './here.ts'

export interface Pages {
  /** What the page that is looked at begins after; undefined: the first one. */
  after: string | undefined
  first: () => void
  back: () => void
  on: (next: string) => void
}

/** Which page of a long list is looked at. */
export function usePages(): Pages {
  const [places, setPlaces] = useState<string[]>([])
  return {
    after: places.at(-1),
    first: () => setPlaces([]),
    back: () => setPlaces(places.slice(0, -1)),
    on: (next) => setPlaces([...places, next]),
  }
}

/** @param next where the page after this one begins; undefined: there is none */
export function TurnPages({ pages: { after, back, on }, next }: { pages: Pages; next: string | undefined }) {
  return (
    <Flex gap="small">
      {after !== undefined && (
        <Button variant="secondary" size="small" onClick={back}>
          {here.back}
        </Button>
      )}
      {next !== undefined && (
        <Button variant="secondary" size="small" onClick={() => on(next)}>
          {here.activity.more}
        </Button>
      )}
    </Flex>
  )
}
