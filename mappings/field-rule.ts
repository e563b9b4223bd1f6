import type { FieldRule } from './rules.ts'

/** Whether a rule holds for the CRM fields of a record. An empty or unknown field never holds. Case and outer spaces do not count. */
export const holds = (rule: FieldRule, fields: Readonly<Record<string, string | null>>): boolean => {
  const given = Object.hasOwn(fields, rule.field) ? fields[rule.field] : undefined
  if (given === undefined || given === null) return false
  const value = given.trim().toLowerCase()
  return 'equals' in rule ? value === rule.equals.trim().toLowerCase() : value.startsWith(rule.startsWith.trimStart().toLowerCase())
}
