// Made by `npm run packages:kit`. Change what it is made from instead.
export const outcomes = {
  pending: 'On its way',
  sent: 'Sent to Meta',
  unconfirmed: 'Sent, not confirmed',
  waiting: 'Waiting',
  suppressed: 'Not sent',
  rejected: 'Refused',
  expired: 'Too old',
} as const
