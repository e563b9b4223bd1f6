import { Button } from '@mantine/core'
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import { words } from '../words.ts'
import { Failed } from './failed.tsx'

/** The end of a list that is read page by page: its next page on demand, and why that could not be read. */
export function ShowMore({ list, label = words.more }: { list: UseInfiniteQueryResult<unknown>; label?: string }) {
  return (
    <>
      {list.isFetchNextPageError && <Failed error={list.error} />}
      {list.hasNextPage && (
        <Button variant="default" size="xs" mt="sm" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {label}
        </Button>
      )}
    </>
  )
}
