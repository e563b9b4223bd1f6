import { Button, CopyButton, Group, Text, TextInput } from '@mantine/core'
import { changes } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.connection

/** A link by which a colleague does their part. */
export function Invite({ what, label }: { what: 'dataset' | 'crm'; label: string }) {
  const when = useWhen()
  const invite = useChange(() => changes.invite(what))
  return (
    <div>
      <Button variant="default" loading={invite.isPending} onClick={() => invite.mutate(undefined)}>
        {label}
      </Button>
      <Failed error={invite.error} />
      {invite.data && (
        <Group align="flex-end" gap="xs" mt="sm">
          <TextInput
            label={said.inviteUrl}
            value={invite.data.url}
            readOnly
            style={{ flex: 1 }}
            miw={220}
            onFocus={({ currentTarget }) => currentTarget.select()}
          />
          <CopyButton value={invite.data.url}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? said.copied : said.copy}
              </Button>
            )}
          </CopyButton>
          <Text size="xs" c="dimmed" w="100%">
            {said.inviteUntil(when(invite.data.expiresAt))}
          </Text>
        </Group>
      )}
    </div>
  )
}
