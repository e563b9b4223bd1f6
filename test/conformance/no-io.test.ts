import fs, { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import t from 'tap'
import { watchIo } from './no-io.ts'

t.test('a watched function cannot reach out unseen, and works as ever', async (t) => {
  const own = import.meta.filename
  t.match(
    watchIo(() => readFileSync(own, 'utf8')),
    { result: /cannot reach out/, reached: ['fs.readFileSync'] },
    'by the name it imported',
  )
  t.match(watchIo(() => fs.statSync(own)).reached, ['fs.statSync'])
  const asked = watchIo(() => readFile(own))
  t.ok(asked.reached.length > 0, 'a file, later')
  await asked.result
  const socket = watchIo(() => connect(9, '127.0.0.1').on('error', () => undefined))
  t.ok(socket.reached.includes('TCPWRAP'), 'a socket')
  socket.result.destroy()
  t.ok(watchIo(() => clearTimeout(setTimeout(() => undefined, 1))).reached.includes('Timeout'))
  t.same(
    watchIo(() => JSON.parse('{"a":1}')),
    { result: { a: 1 }, reached: [] },
  )
})
