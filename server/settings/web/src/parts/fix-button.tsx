import { Button } from '@mantine/core'
import { changes, type NoticeAction } from '../api/resources.ts'
import { words } from '../words.ts'
import { ForAdmins } from './for-admins.tsx'
import { useOpenTab } from './open-tab.tsx'
import { useChange } from './use-change.ts'

/** The button that fixes what a notice tells of. */
export function FixButton({ action, subject }: { action: NoticeAction; subject: string }) {
  const places: Partial<Record<NoticeAction, string>> = {
    renew_token: '#connection/datasets',
    check: '#connection/check',
    stages: '#stages',
    activity: '#activity',
    connection: '#connection',
  }
  const datasetId = Number(/^dataset:(\d+)$/.exec(subject)?.[1])
  const openTab = useOpenTab()
  const reconnect = useChange(() => changes.connect().then(openTab), { done: words.actionDone.reconnect })
  const resume = useChange(() => changes.resumeDataset(datasetId), { done: words.actionDone.resume_dataset })
  const retry = useChange(changes.retryQuarantine, { done: words.actionDone.retry_quarantine })
  const place = places[action]
  if (place !== undefined)
    return (
      <Button size="xs" component="a" href={place}>
        {words.actions[action]}
      </Button>
    )
  const made = action === 'reconnect' ? reconnect : action === 'resume_dataset' ? resume : retry
  return (
    <ForAdmins>
      <Button size="xs" loading={made.isPending} onClick={() => made.mutate(undefined)}>
        {words.actions[action]}
      </Button>
      {made.error && (
        <span className="bad" role="alert">
          {' '}
          {made.error.message}
        </span>
      )}
    </ForAdmins>
  )
}
