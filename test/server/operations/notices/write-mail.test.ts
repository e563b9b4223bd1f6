import t from 'tap'
import type { Content, Matter } from '../../../../server/operations/notices/message.ts'
import { describeSubject } from '../../../../server/operations/notices/subject.ts'
import { writeMail } from '../../../../server/operations/notices/write-mail.ts'

const matter = (text: string, change: Partial<Matter> = {}): Matter => ({
  subject: 'connection:7',
  code: 'reconnect',
  about: 'HubSpot connection 7',
  text,
  at: '2026-01-31T22:30:00.000Z',
  ...change,
})
const mail = (content: Content, timeZone = 'UTC') =>
  writeMail({ id: '1', createdAt: new Date(), workspace: { id: 1, name: 'Acme' }, recipientId: 5, timeZone, content })
const opened = (...texts: string[]) => mail({ kind: 'notices', opened: texts.map((text) => matter(text)), over: [] })

t.test('the subject is the first sentence of the notice, on one line and short', async (t) => {
  for (const [text, subject] of [
    ['The token has expired. Enter a new one.', 'Acme: The token has expired'],
    ['Version v1.2 has ended: upgrade.', 'Acme: Version v1.2 has ended'],
    ['No full stop', 'Acme: No full stop'],
    ['Two\r\nlines of\u2028it.', 'Acme: Two lines of it'],
  ] as const)
    t.equal(opened(text).subject, subject)
  const { subject } = opened(`${'long '.repeat(60)}end.`)
  t.ok(subject.length <= 110)
  t.match(subject, /…$/)
  t.equal(opened('First.', 'Second.', 'Third.').subject, 'Acme: First (and 2 more)')
})

t.test('times are told in the time zone of the workspace', async (t) => {
  t.match(
    mail({ kind: 'notices', opened: [matter('It ended.')], over: [] }, 'Europe/Berlin').text,
    'HubSpot connection 7, 31 Jan 2026, 23:30 CET',
  )
})

t.test('whatever is in a notice cannot become part of the page', async (t) => {
  const { html } = opened('<script>alert("1")</script> & \'more\'')
  t.notMatch(html, '<script>')
  t.match(html, '&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;more&#39;')
})

t.test('a digest tells what went, what did not and why, what waits and what is open', async (t) => {
  const { subject, text } = mail({
    kind: 'digest',
    from: '2026-01-26T08:00:00.000Z',
    to: '2026-02-02T08:00:00.000Z',
    sent: [
      { eventName: 'Raw Lead', count: 100 },
      { eventName: 'Converted', count: 15 },
    ],
    notSent: [{ outcome: 'suppressed', reason: 'no_meta_lead', text: 'Nothing shows that this record came from a Meta form.', count: 4 }],
    waiting: { count: 2, oldest: '2026-02-01T10:00:00.000Z' },
    open: [matter('It ended.')],
  })
  t.equal(subject, 'Acme: 115 events sent this week, 4 not')
  t.equal(
    text.split('\n\n-- ')[0],
    `From 26 Jan 2026, 08:00 UTC to 2 Feb 2026, 08:00 UTC

Sent to Meta: 115
100 Raw Lead
15 Converted

Not sent: 4
4: Nothing shows that this record came from a Meta form.

Waiting: 2
The oldest is of 1 Feb 2026, 10:00 UTC.

Open notices: 1
HubSpot connection 7: It ended.`,
  )
})

t.test('what a notice is about is told by the names that people know', async (t) => {
  const none = { crm: null, name: null, meta_id: null }
  t.equal(describeSubject('connection:3', { ...none, crm: 'hubspot', name: 'Sales' }), 'HubSpot connection 3 (Sales)')
  t.equal(describeSubject('connection:3', { ...none, crm: 'hubspot', name: '' }), 'HubSpot connection 3')
  t.equal(describeSubject('connection:3', { ...none, crm: 'of-a-later-release' }), 'of-a-later-release connection 3')
  t.equal(describeSubject('dataset:2', { ...none, meta_id: '700000000000001' }), 'Dataset 700000000000001')
  t.equal(describeSubject('workspace:1', none), 'Workspace 1')
})
