/** The battery that every connector passes, with nothing but its fixtures added. See the README beside it. */
import type { Test } from 'tap'
import type { Fixtures } from './fixtures.ts'
import { testMeaning } from './meaning.ts'
import { testShape } from './shape.ts'
import { testWholeWay } from './whole-way.ts'

export async function conformance(t: Test, fixtures: Fixtures): Promise<void> {
  testShape(t, fixtures)
  testMeaning(t, fixtures)
  testWholeWay(t, fixtures)
}
