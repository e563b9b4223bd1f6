/** The first run: what is left to do before an account reports to Meta, one step after the other. */
import { sql } from 'kysely'
import type { Finding, RecordRef } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Rules } from '../../mappings/rules.ts'
import type { Connections } from '../connections/connections.ts'
import { transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { checkConnection } from './check-connection.ts'
import type { LedgerDetail, MetaAnswer } from './entry-text.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { currentMapping } from './mappings.ts'
import { problem } from './problem.ts'
import { listRoutes } from './routes.ts'
import { readRules } from './rules.ts'

/** Steps in their order, with the answers that are asked for; none where something has to be done instead. */
export const firstRunSteps = {
  rights: [],
  dataset: [],
  others: ['yes', 'no', 'unknown'],
  leads: ['confirmed'],
  consent: ['by_rule', 'not_needed'],
  stages: ['confirmed'],
  start: ['shadow'],
  first_event: [],
  backfill: ['skipped'],
} as const satisfies Record<string, readonly string[]>
export type FirstRunStepName = keyof typeof firstRunSteps

export interface FirstRunStep {
  step: FirstRunStepName
  title: string
  /** `next`: the first that is not done; `later`: those behind it. */
  state: 'done' | 'next' | 'later'
  /** What it is about, or what was found. */
  text: string
  answer: { answer: string; by: string; at: Date } | null
  /** Answers that may be given. */
  answers: readonly string[]
}

export interface FirstRun {
  /** Every step is done. */
  finished: boolean
  /** Nothing is sent, and an admin wants it so for now. */
  shadow: boolean
  steps: FirstRunStep[]
  /** What is missing in the account; null where the CRM could not be asked. */
  findings: Finding[] | null
  /** The first event that Meta accepted, and what it answered. */
  firstEvent: { record: RecordRef; eventName: string | null; sentAt: Date | null; meta: MetaAnswer | null } | null
}

interface Facts {
  /** Why the CRM could not be asked, instead of what it said. */
  findings: readonly Finding[] | string
  routes: readonly { mode: 'live' | 'shadow' }[]
  rules: Pick<Rules, 'consent' | 'optOut'>
  mappedStages: number
  hasFirstEvent: boolean
  hasBackfill: boolean
  answers: ReadonlyMap<string, { answer: string; by: string; at: Date }>
}

/** Whether the account only tries out, by choice: no route is live, and an admin answered so. Pure. */
export const isShadow = ({ routes, answers }: Pick<Facts, 'routes' | 'answers'>): boolean =>
  routes.length > 0 && routes.every(({ mode }) => mode === 'shadow') && answers.get('start')?.answer === 'shadow'

/** The steps as they stand; in shadow mode nothing is left to do behind the choice of it, until a route is live. Pure. */
export function stepsOf(facts: Facts): FirstRunStep[] {
  const { findings, routes, rules, mappedStages, answers } = facts
  const shadow = isShadow(facts)
  const missing = typeof findings === 'string' ? [findings] : findings.filter(({ fatal }) => fatal).map(({ text }) => text)
  const live = routes.some(({ mode }) => mode === 'live')
  const has = (step: FirstRunStepName) => answers.has(step)
  const byRule = answers.get('consent')?.answer === 'by_rule'
  const steps: Record<FirstRunStepName, { title: string; done: boolean; text: string }> = {
    rights: {
      title: 'What we may read',
      done: missing.length === 0,
      text: missing.length === 0 ? 'Everything that is needed can be read.' : missing.join(' '),
    },
    dataset: {
      title: 'The Meta dataset',
      done: routes.length > 0,
      text:
        routes.length > 0
          ? 'A dataset is connected.'
          : 'Connect the dataset of your campaigns, or send a link to the colleague who has it.',
    },
    others: {
      title: 'Does anything else report these leads already?',
      done: has('others'),
      text: 'Two that report the same leads would count them twice. If something else does, begin in shadow mode: everything happens but the sending.',
    },
    leads: {
      title: 'Which leads count',
      done: has('leads'),
      text: 'Those that carry a Meta lead id always do. Say which sources are Meta forms, too, and look at the numbers.',
    },
    consent: {
      title: 'Consent',
      done: has('consent') && (!byRule || rules.consent.length + rules.optOut.length > 0),
      text: 'Does the CRM say who agreed to be reported? Then choose the field. If consent is settled in another way, say that.',
    },
    stages: {
      title: 'The stages',
      done: has('stages') && mappedStages > 0,
      text: mappedStages === 0 ? 'No stage is mapped yet.' : 'Look the names over, and see what Meta would get of one real lead.',
    },
    start: {
      title: 'Start',
      done: live || shadow,
      text: live
        ? 'Events go to Meta.'
        : shadow
          ? 'You are in shadow mode: everything happens but the sending, until you start.'
          : 'Nothing is sent before a route is live.',
    },
    first_event: {
      title: 'The first event',
      done: facts.hasFirstEvent || shadow,
      text: facts.hasFirstEvent
        ? 'Meta has accepted it.'
        : shadow
          ? 'None goes in shadow mode. This comes back once you start.'
          : 'It goes within seconds after a lead has reached a mapped stage in the CRM.',
    },
    backfill: {
      title: 'The last seven days',
      done: facts.hasBackfill || has('backfill') || shadow,
      text: 'Stages of the last seven days can be reported after the start; a dry run says first how many. Meta takes nothing older.',
    },
  }
  const names = Object.keys(firstRunSteps) as FirstRunStepName[]
  const next = names.find((step) => !steps[step].done)
  return names.map((step) => {
    const { done, ...words } = steps[step]
    return {
      step,
      ...words,
      state: done ? 'done' : step === next ? 'next' : 'later',
      answer: answers.get(step) ?? null,
      answers: firstRunSteps[step],
    }
  })
}

/** How far an account has come. Asks the CRM. Throws `CodedError` `connection_unknown`, `connection_removed`. */
export async function showFirstRun(caller: Caller, id: number, connections: Connections): Promise<FirstRun> {
  const [findings, routes, rules, { mapping }, answers, firstEvent, backfill] = await Promise.all([
    checkConnection(caller, id, { connections }).catch(unanswered),
    listRoutes(caller, { connectionId: id }),
    readRules(caller, id),
    currentMapping(caller.db, id),
    readAnswers(caller, id),
    readFirstEvent(caller, id),
    caller.db.selectFrom('backfill').select('id').where('connection_id', '=', id).where('confirmed_at', 'is not', null).executeTakeFirst(),
  ])
  const steps = stepsOf({
    ...{ findings, routes, rules, answers },
    mappedStages: mapping.stages.filter(({ eventName, negative }) => eventName !== null && !negative).length,
    hasFirstEvent: firstEvent !== null,
    hasBackfill: backfill !== undefined,
  })
  return {
    finished: steps.every(({ state }) => state === 'done'),
    shadow: isShadow({ routes, answers }),
    steps,
    findings: typeof findings === 'string' ? null : findings,
    firstEvent,
  }
}

/** Keeps what an admin answered to a step, over what was answered before. Throws `CodedError` `connection_unknown`, `connection_removed`, `invalid_input`. */
export async function answerFirstRun(caller: Caller, id: number, step: FirstRunStepName, answer: string): Promise<void> {
  const possible: readonly string[] = firstRunSteps[step]
  if (!possible.includes(answer))
    throw problem('invalid_input', `That is no answer to this step. It takes: ${possible.join(', ') || 'none'}.`)
  await transaction(caller.db, async (trx) => {
    const { workspace_id: workspaceId } = await findLiveConnection(caller, id, { trx, lock: true })
    const row = { connection_id: id, step, answer, answered_by: caller.actor }
    await trx
      .insertInto('first_run')
      .values(row)
      .onConflict((conflict) => conflict.columns(['connection_id', 'step']).doUpdateSet({ ...row, answered_at: new Date() }))
      .execute()
    await audit(trx, caller, { workspaceId, action: 'first_run.answer', subject: `connection:${id}`, detail: { step, answer } })
  })
}

function unanswered(error: unknown): string {
  if (error instanceof CodedError && error.code !== 'connection_unknown' && error.code !== 'connection_removed') return error.userText
  throw error
}

async function readAnswers({ db }: Caller, id: number): Promise<Facts['answers']> {
  const rows = await db.selectFrom('first_run').selectAll().where('connection_id', '=', id).execute()
  return new Map(rows.map(({ step, answer, answered_by: by, answered_at: at }) => [step, { answer, by, at }]))
}

async function readFirstEvent(caller: Caller, id: number): Promise<FirstRun['firstEvent']> {
  await findConnection(caller, id)
  const { rows } = await sql<{ type: string; id: string; eventName: string | null; sentAt: Date | null; detail: LedgerDetail | null }>`
    select r.type, r.record_id as id, l.event_name as "eventName", l.settled_at as "sentAt", l.detail
    from ledger l join record r on r.id = l.record_id
    where l.connection_id = ${id} and l.outcome = 'sent' order by l.settled_at limit 1`.execute(caller.db)
  const [first] = rows
  if (first === undefined) return null
  const { type, id: recordId, eventName, sentAt, detail } = first
  return { record: { type, id: recordId }, eventName, sentAt, meta: detail?.meta ?? null }
}
