import type { Rules } from '../../api/resources.ts'

/** The rules that differ; one that is gone is taken back to its default. */
export function changedRules(saved: Rules, wanted: Rules): { [Name in keyof Rules]?: Rules[Name] | null } {
  const names = new Set([...Object.keys(saved), ...Object.keys(wanted)] as (keyof Rules)[])
  return Object.fromEntries(
    [...names].filter((name) => JSON.stringify(saved[name]) !== JSON.stringify(wanted[name])).map((name) => [name, wanted[name] ?? null]),
  )
}
