// Made by `npm run packages:kit`. Change what it is made from instead.
import { StatusTag } from '@hubspot/ui-extensions'
import { outcomes } from './codes.ts'

export type Outcome = keyof typeof outcomes

const variants = {
  pending: 'info',
  sent: 'success',
  unconfirmed: 'warning',
  waiting: 'info',
  suppressed: 'default',
  rejected: 'danger',
  expired: 'danger',
} as const satisfies Record<Outcome, string>

/** What became of a change, in words and colour. */
export const OutcomeTag = ({ outcome }: { outcome: Outcome }) => <StatusTag variant={variants[outcome]}>{outcomes[outcome]}</StatusTag>
