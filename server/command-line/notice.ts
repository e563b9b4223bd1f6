import { type Command, InvalidArgumentError } from 'commander'
import { createWebhookPoster } from '../operations/notices/post-webhook.ts'
import { createMailer } from '../operations/notices/send-mail.ts'
import { type DigestSchedule, listNotices, setDigest } from '../settings/notices.ts'
import { addRecipient, listRecipients, removeRecipient, testRecipient } from '../settings/recipients.ts'
import { examples } from './example.ts'
import { readSecret, wholeNumber } from './input.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

const URL_VARIABLE = 'LEADSTAGE_WEBHOOK_URL'
/** In place of an e-mail address. */
const WEBHOOK = 'webhook'
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

/** `notice list|recipients|test|digest`. */
export function addNoticeCommands(program: Command): void {
  const group = program.command('notice').description('what needs somebody, and who is told of it')

  group
    .command('list')
    .description('list the open notices')
    .option('--workspace <workspace>', 'only of this workspace (id or name)')
    .option('--all', 'also those that are over')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('notice list', 'notice list --workspace Acme --all'))
    .action(async ({ workspace, all, json }: { workspace?: string; all?: boolean; json?: boolean }) => {
      const found = await withTools(({ caller }) => listNotices(caller, { workspace, closed: all }))
      const rows = () => found.map((it) => [time(it.openedAt), time(it.closedAt), it.workspace, it.about, it.text])
      print(json, found, () => table(['since', 'until', 'workspace', 'about', 'what to know'], rows(), 'There is nothing to know.'))
    })

  group
    .command('test')
    .description('send a test to a recipient')
    .argument('<recipient>', 'its number', wholeNumber)
    .addHelpText('after', examples('notice test 1'))
    .action(async (id: number) => {
      const { kind, address } = await withTools(async ({ caller, vault, config: { mail } }) => {
        const mailer = mail && createMailer(mail)
        const poster = createWebhookPoster()
        try {
          return await testRecipient(caller, id, { vault, mailer, poster })
        } finally {
          mailer?.close()
          await poster.close()
        }
      })
      print(
        false,
        undefined,
        () => `${kind === 'email' ? `The mail server took a mail for ${address}` : `The webhook at ${address} took the test`}.`,
      )
    })

  group
    .command('digest')
    .description("set when a workspace's weekly digest comes, and the time zone of its mails")
    .argument('<workspace>', 'id or name')
    .option('--day <day>', DAYS.join(', '), weekday)
    .option('--hour <hour>', '0 to 23', hour)
    .option('--time-zone <zone>', 'Europe/Berlin, for instance; UTC at first')
    .option('--off', 'send none')
    .option('--on', 'send it again')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('notice digest Acme --day monday --hour 8 --time-zone Europe/Berlin', 'notice digest Acme --off'))
    .action(async (workspace: string, { day, hour, timeZone, off, on, json }: DigestOptions) => {
      const wanted = { weekday: day, hour, timeZone, ...((off || on) && { enabled: !off }) }
      const set = await withTools(({ caller }) => setDigest(caller, workspace, wanted))
      print(json, set, () => describeDigest(set))
    })

  addRecipientCommands(group)
}

interface DigestOptions {
  day?: number
  hour?: number
  timeZone?: string
  off?: boolean
  on?: boolean
  json?: boolean
}

/** `notice recipients add|list|remove`. */
function addRecipientCommands(notice: Command): void {
  const group = notice.command('recipients').description('who is told of the notices of a workspace')

  group
    .command('add')
    .description(`tell somebody; the URL of a webhook comes on standard input or in ${URL_VARIABLE}, because it may be a secret itself`)
    .argument('<to>', 'an e-mail address, or the word webhook')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--no-digest', 'without the weekly digest')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('notice recipients add ana@example.com --workspace Acme', 'notice recipients add webhook --workspace Acme < url.txt'),
    )
    .action(async (to: string, { workspace, digest, json }: { workspace: string; digest: boolean; json?: boolean }) => {
      const target = to === WEBHOOK ? { url: await readSecret(URL_VARIABLE, 'URL of the webhook') } : { email: to }
      const { added, silent } = await withTools(async ({ caller, vault, config }) => ({
        added: await addRecipient(caller, { workspace, to: target, digest }, { vault }),
        silent: !('url' in target) && config.mail === undefined,
      }))
      print(json, added, () =>
        [
          `Recipient ${added.id} is told of the notices of ${workspace} from now on.`,
          ...(added.secret === undefined ? [] : [`Secret:  ${added.secret}`, 'It signs what is sent, and is not shown again.']),
          ...(silent ? ['Note: this server sends no mail yet; set SMTP_URL and MAIL_FROM.'] : []),
          `Next: notice test ${added.id}`,
        ].join('\n'),
      )
    })

  group
    .command('list')
    .description('list the recipients')
    .option('--workspace <workspace>', 'only of this workspace (id or name)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('notice recipients list'))
    .action(async ({ workspace, json }: { workspace?: string; json?: boolean }) => {
      const found = await withTools(({ caller }) => listRecipients(caller, { workspace }))
      const headings = ['id', 'workspace', 'kind', 'address', 'digest', 'last sent', 'problem']
      const rows = () =>
        found.map((it) => [it.id, it.workspace, it.kind, it.address, it.digest ? 'yes' : 'no', time(it.lastSentAt), it.problem])
      print(json, found, () => table(headings, rows(), 'Nobody is told of notices. Next: notice recipients add'))
    })

  group
    .command('remove')
    .description('tell somebody no longer')
    .argument('<recipient>', 'its number', wholeNumber)
    .addHelpText('after', examples('notice recipients remove 1'))
    .action(async (id: number) => {
      await withTools(({ caller }) => removeRecipient(caller, id))
      print(false, undefined, () => `Recipient ${id} is told no longer.`)
    })
}

function weekday(given: string): number {
  const day = DAYS.indexOf(given.toLowerCase()) + 1
  if (day === 0) throw new InvalidArgumentError(`It has to be one of ${DAYS.join(', ')}.`)
  return day
}

function hour(given: string): number {
  if (!/^\d{1,2}$/.test(given) || Number(given) > 23) throw new InvalidArgumentError('It has to be an hour of the day, 0 to 23.')
  return Number(given)
}

function describeDigest({ enabled, weekday, hour, timeZone }: DigestSchedule): string {
  if (!enabled) return `No digest is sent. Times in mails are of ${timeZone}.`
  const day = DAYS[weekday - 1] as string
  return `The digest comes every ${day} at ${hour}:00 (${timeZone}), unless there is nothing to tell.`
}
