/** Values and texts that somebody might send, from harmless to hostile. */
import fc from 'fast-check'

/** Anything that JSON can hold, with the names and values that trip people up. */
export const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.constantFrom<unknown>(null, true, 0, -1, 1.5, '', ' ', '\u0000', '\ud800', '__proto__', 'x'.repeat(3_000), '9'.repeat(30)),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', 'length'), fc.string()), tie('value'), { maxKeys: 4 }),
    ),
  })).value,
)

/** `valid` with some of its values, at any depth, replaced by anything. */
export function spoilt(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(valid, fc.array(fc.tuple(fc.nat({ max: 1_000 }), anyJson), { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) => changes.reduce((now, [place, by]) => replaceOne(now, place, by), value))
}

/** Replaces the value at one of the places of `value`, counted through all of them. */
function replaceOne(value: unknown, place: number, by: unknown): unknown {
  const copy = structuredClone(value)
  const places: (() => unknown)[] = []
  const visit = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return
    for (const name of Object.keys(holder)) {
      places.push(() => Object.defineProperty(holder, name, { value: by, enumerable: true, writable: true, configurable: true }))
      visit((holder as Record<string, unknown>)[name])
    }
  }
  visit(copy)
  places[place % Math.max(1, places.length)]?.()
  return copy
}
