/** Bodies that nobody should send. */

const values: unknown[] = [
  ...[null, true, -1, 0, 1.5, 1e308, '', ' ', [], {}, [[]], [null]],
  ...[
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    'x'.repeat(20_000),
    '9'.repeat(400),
    '-1',
    '1e400',
    'NaN',
    '__proto__',
    'constructor',
  ],
  { toString: 'x', valueOf: 1, length: -1 },
]
/** JSON that a serialiser would not write. */
const texts = [
  '1e400',
  '-1e400',
  '9'.repeat(400),
  '12345678901234567890',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
]
const MARK = '@here@'

/** Texts that are no changes at all. */
export const garbage: readonly string[] = [
  ...['', ' ', '{', '[', 'null', 'true', '0', '""', '[]', '{}', '[[]]', '[null]', '\ufeff[]', '<html></html>', 'a=b&c=d'],
  '['.repeat(100_000),
  '{"a":'.repeat(50_000),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '{"__proto__":{"polluted":true}}',
]

/** The body with every value in it replaced by every hostile one, one at a time. */
export function* spoilt(body: string): Generator<string> {
  const whole: unknown = JSON.parse(body)
  for (const path of pathsOf(whole)) {
    const marked = JSON.stringify(replaced(whole, path, MARK))
    for (const text of [...values.map((value) => JSON.stringify(value)), ...texts]) yield marked.replace(`"${MARK}"`, () => text)
  }
}

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, part]) => pathsOf(part, [...path, name]))]
}

function replaced(value: unknown, [name, ...rest]: string[], by: unknown): unknown {
  if (name === undefined) return by
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as never) : { ...(value as object) }
  copy[name] = replaced(copy[name], rest, by)
  return copy
}
