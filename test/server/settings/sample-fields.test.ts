import t from 'tap'
import { mask } from '../../../server/settings/sample-fields.ts'

t.test('a masked value shows how it is written, and nothing of what it says', async (t) => {
  for (const [value, masked] of [
    ['ana@example.com', 'a••@e••••••.c••'],
    ['+49 170 1234567', '+4• 1•• 1••••••'],
    ['Ünal Çelik', 'Ü••• Ç••••'],
    ['', ''],
    ['---', '---'],
    ['x'.repeat(1_000), `x${'•'.repeat(8)}`],
  ] as const)
    t.equal(mask(value), masked)
})
