import type { Ask } from '../support/settings-page.ts'

const answers = { others: 'no', leads: 'confirmed', consent: 'not_needed', stages: 'confirmed', backfill: 'skipped' }

/** Leaves an account as somebody does who has set it up: every question answered, and a colleague who is told of notices. */
export async function settle(ask: Ask): Promise<void> {
  for (const [step, answer] of Object.entries(answers)) await ask('POST', '/first-run/answer', { step, answer })
  const datasets = (await ask('GET', '/datasets')).body.data as unknown as { id: number }[]
  for (const { id } of datasets) await ask('POST', `/datasets/${id}/crm`, { answer: 'yes' })
  await ask('POST', '/recipients', { to: { email: 'ana@acme.example' } })
}
