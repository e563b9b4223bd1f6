/** The catalogue of words: whatever the server opens a notice about has a title and an action there. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { notices, noticeWords } from '../../../../server/settings/api/words.ts'
import { testApp } from '../../../support/app.ts'

const root = join(import.meta.dirname, '../../../..')

t.test('every notice that the server opens has its words', async (t) => {
  const folders = 'server/{connections,delivery,intake,leads,operations,resolve,settings}/**/*.ts'
  const sources = globSync(folders, { cwd: root, exclude: (name) => name === 'web' || name === 'api' }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  )
  const constants = new Map(
    sources.flatMap((text) => [...text.matchAll(/const ([A-Z_]+) = '([a-z_]+)'/g)].map(([, name, code]) => [name, code])),
  )
  const opening = sources
    .filter((text) => /openNotice\(|insert into notice /.test(text))
    .map((text) => text.replace(/new CodedError\(\{[^}]*\}/g, ''))
  const codes = new Set(
    opening.flatMap((text) =>
      [...text.matchAll(/code: (?:'([a-z_]+)'|([A-Z_]+))/g)].map(([, code, name]) => code ?? constants.get(name) ?? ''),
    ),
  )
  t.ok(codes.size >= 10, [...codes].join())
  for (const code of codes) t.ok(Object.hasOwn(notices, code) || Object.hasOwn(notices, `dataset:${code}`), code)
})

t.test('a code may mean something else of another subject; one that nobody knows still has words', async (t) => {
  t.equal(noticeWords({ code: 'reconnect', subject: 'connection:1' }).action, 'reconnect')
  t.equal(noticeWords({ code: 'reconnect', subject: 'dataset:1' }).action, 'renew_token')
  t.match(noticeWords({ code: 'constructor', subject: 'connection:1' }), { title: String, action: 'check' })
})

t.test('the page gets all words at once, whoever asks', async (t) => {
  const it = await testApp(t)
  t.match(await (await fetch(`${it.url}/api/words`)).json(), {
    ok: true,
    data: {
      reasons: { stage_unmapped: { outcome: 'suppressed', text: String } },
      fieldNotes: { email_invalid: String },
      notices: { reconnect: { title: String, action: 'reconnect' } },
      outcomes: { sent: String },
    },
  })
})
