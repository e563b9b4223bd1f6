import { Button, Skeleton } from '@mantine/core'
import type { UseInfiniteQueryResult, UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { words } from '../words.ts'
import { Note } from './note.tsx'

/** What is shown while something is read. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div className="card" aria-busy="true" role="status" aria-label={words.loading}>
      <Skeleton height={20} width="40%" mb="md" />
      {Array.from({ length: lines }, (_, index) => `line-${index}`).map((key) => (
        <Skeleton key={key} height={14} mb="sm" />
      ))}
    </div>
  )
}

/** What was read, or that it is on its way, or why it is not there and what to do. */
export function Shown<T>({
  query,
  lines,
  children,
}: {
  query: UseQueryResult<T> | UseInfiniteQueryResult<T>
  lines?: number
  children: (data: T) => ReactNode
}) {
  // What was read before is better than nothing; that it is not new is said. Where only the next page is not there, all of it is new.
  const isOld = query.isError && !('isFetchNextPageError' in query && query.isFetchNextPageError)
  if (query.data !== undefined)
    return (
      <>
        {isOld && <NotRead error={query.error} again={() => query.refetch()} isOld />}
        {children(query.data)}
      </>
    )
  if (query.isError) return <NotRead error={query.error} again={() => query.refetch()} busy={query.isFetching} />
  return <Loading {...(lines !== undefined && { lines })} />
}

function NotRead({ error, again, isOld = false, busy = false }: { error: Error; again: () => void; isOld?: boolean; busy?: boolean }) {
  return (
    <Note
      mood="bad"
      role="alert"
      title={isOld ? words.failed.old : words.failed.title}
      actions={
        <Button size="xs" variant="default" onClick={again} loading={busy}>
          {words.failed.again}
        </Button>
      }
    >
      {error.message}
    </Note>
  )
}
