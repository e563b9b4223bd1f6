/** The settings that differ; one that is gone is null, which takes it back to its default. Pure. */
export function changed<T extends object>(saved: T, wanted: T): { [Name in keyof T]?: T[Name] | null } {
  const names = new Set([...Object.keys(saved), ...Object.keys(wanted)] as (keyof T)[])
  return Object.fromEntries(
    [...names].filter((name) => JSON.stringify(saved[name]) !== JSON.stringify(wanted[name])).map((name) => [name, wanted[name] ?? null]),
  ) as { [Name in keyof T]?: T[Name] | null }
}
