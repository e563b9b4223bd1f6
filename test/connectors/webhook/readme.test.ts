/** The script of the README, run as it stands by a shell. */
import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from '../../../connectors/webhook/parse.ts'
import { fieldNames, webhookSettings } from '../../../connectors/webhook/settings.ts'
import { verify } from '../../../connectors/webhook/verify.ts'

const settings = webhookSettings.parse({})
const readme = readFile(join(import.meta.dirname, '../../../README.md'), 'utf8')

/** Bare machines have no openssl; this answers the one command that the script gives. */
const noOpenssl = `openssl() { '${process.execPath}' -e '
  const [secret] = process.argv.slice(-2)
  const hmac = require("node:crypto").createHmac("sha256", secret).update(require("node:fs").readFileSync(0))
  console.log(hmac.digest("hex") + " *stdin")' -- "$@"; }`

t.test('makes a request that is believed and taken', async (t) => {
  const [script] = (await readme).match(/address='https:[\s\S]*?(?=```)/) ?? []
  if (script === undefined) return t.fail('the README has no script')
  const lines = script
    .replace(/^address=.*$/m, "address='https://leads.example.com/webhooks/webhook/key'")
    .replace(/^secret=.*$/m, "secret='s3cret/word'")
  const missing = spawnSync('sh', ['-c', 'command -v openssl']).status !== 0
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    [`curl() { printf '%s\\n' "$@"; }`, missing ? noOpenssl : ':', lines].join('\n'),
  ])
  const parts = stdout.trimEnd().split('\n')
  const headers = Object.fromEntries(
    parts.flatMap((part, n) => {
      const [name, value] = (parts[n + 1] ?? '').split(/: (.*)/s)
      return part === '-H' && name !== undefined ? [[name.toLowerCase(), value]] : []
    }),
  )
  const request = {
    ...{ method: 'POST', target: '/webhooks/webhook/key', publicUrl: 'https://leads.example.com', receivedAt: Date.now() },
    ...{ headers, body: Buffer.from(parts.at(-1) ?? '') },
  }
  t.same(verify(request, { webhook_secret: 's3cret/word' }, settings), { ok: true })
  t.match(parse(request, settings), { changes: [{ id: '42', stage: 'qualified', received: false }], reply: { status: 202 } })
})

t.test('explains every field of a record and every setting', async (t) => {
  const text = await readme
  for (const name of [...fieldNames, ...Object.keys(webhookSettings.shape).filter((name) => name !== 'leadEventSource')])
    t.ok(text.includes(`\`${name}\``) || text.includes(`"${name}"`), name)
})
