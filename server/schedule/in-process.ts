import type { Log } from '../log.ts'
import { restAfterError } from './rest.ts'
import type { Run, Scheduler } from './scheduler.ts'
import { within } from './within.ts'

export interface InProcessOptions {
  log: Log
  /** Runs at the same time, over all kinds. */
  concurrent?: number
}

interface Kind {
  name: string
  run: Run
  concurrent: number
  running: number
  tasks: Map<string, Task>
  /** Woken and waiting for a place; the longest waiting first. */
  ready: Set<Task>
}

/** One kind and key. Forgotten when nothing is known of it but its name. */
interface Task {
  kind: Kind
  key: string
  running: boolean
  /** Woken while running. */
  dirty: boolean
  /** Failed runs in a row. */
  failures: number
  /** Wake-ups before this instant wait for it. */
  rest: number
  at: number
  timer?: NodeJS.Timeout
  everyMs?: number
}

const NEVER = Number.POSITIVE_INFINITY
/** Longest delay that a timer can hold. */
const LONGEST_TIMER = 2 ** 31 - 1
/** What an aborted run is given to end. */
const ABORT_MS = 2_000

/**
 * The scheduler of a single process: timers, at most one run for a kind and key, a bounded number of runs in all. Kinds
 * take turns, so a flood of one does not starve another. A run that throws is logged and tried again after a rest (the
 * delay an error asks for itself comes first).
 */
export function createInProcessScheduler({ log, concurrent = 16 }: InProcessOptions): Scheduler {
  const kinds = new Map<string, Kind>()
  const runs = new Set<Promise<void>>()
  const ending = new AbortController()
  let state: 'new' | 'started' | 'stopped' = 'new'

  function taskOf(kindName: string, key: string): Task {
    const kind = kinds.get(kindName)
    if (kind === undefined) throw new Error(`no such kind of work: ${kindName}`)
    let task = kind.tasks.get(key)
    if (task === undefined) {
      task = { kind, key, running: false, dirty: false, failures: 0, rest: 0, at: NEVER }
      kind.tasks.set(key, task)
    }
    return task
  }

  function wakeTask(task: Task): void {
    if (task.running) task.dirty = true
    else if (task.rest > Date.now()) wakeTaskAt(task, task.rest)
    else {
      task.kind.ready.add(task)
      pump()
    }
  }

  function wakeTaskAt(task: Task, at: number): void {
    if (state === 'stopped' || at >= task.at) return
    task.at = at
    arm(task)
  }

  function arm(task: Task): void {
    clearTimeout(task.timer)
    task.timer = setTimeout(
      () => {
        if (task.at > Date.now()) return arm(task)
        task.at = NEVER
        wakeTask(task)
      },
      Math.min(LONGEST_TIMER, Math.max(0, task.at - Date.now())),
    )
  }

  /** Starts what there is room for, one of each kind in turn. */
  function pump(): void {
    while (state === 'started' && runs.size < concurrent) {
      const kind = [...kinds.values()].find(({ ready, running, concurrent }) => ready.size > 0 && running < concurrent)
      if (kind === undefined) return
      // To the end of the line.
      kinds.delete(kind.name)
      kinds.set(kind.name, kind)
      const [task] = kind.ready
      kind.ready.delete(task as Task)
      const run = execute(task as Task).finally(() => {
        runs.delete(run)
        pump()
      })
      runs.add(run)
    }
  }

  async function execute(task: Task): Promise<void> {
    const { kind, key } = task
    task.running = true
    kind.running += 1
    // This run sees everything that an earlier timer was for.
    if (task.at <= Date.now()) clearTimer(task)
    try {
      const result = await kind.run(key, ending.signal)
      task.failures = 0
      task.rest = 0
      if (result?.again !== undefined) {
        wakeTaskAt(task, result.again)
        if (result.rest) task.rest = result.again
      }
    } catch (error) {
      if (!ending.signal.aborted) afterFailure(task, error)
    }
    kind.running -= 1
    task.running = false
    if (task.everyMs !== undefined) wakeTaskAt(task, Date.now() + task.everyMs)
    if (task.dirty && state !== 'stopped') {
      task.dirty = false
      wakeTask(task)
    } else if (task.at === NEVER && task.everyMs === undefined && task.failures === 0) kind.tasks.delete(key)
  }

  function afterFailure(task: Task, error: unknown): void {
    task.failures += 1
    task.rest = Date.now() + restAfterError(error, task.failures)
    log.error({ kind: task.kind.name, key: task.key, failures: task.failures, err: error }, 'a run failed and will be tried again')
    clearTimer(task)
    wakeTaskAt(task, task.rest)
  }

  function clearTimer(task: Task): void {
    clearTimeout(task.timer)
    task.at = NEVER
  }

  return {
    register(name, run, { concurrent = NEVER } = {}) {
      if (kinds.has(name)) throw new Error(`registered twice: ${name}`)
      kinds.set(name, { name, run, concurrent, running: 0, tasks: new Map(), ready: new Set() })
    },
    wake: (kind, key) => {
      if (state !== 'stopped') wakeTask(taskOf(kind, key))
    },
    wakeAt: (kind, key, at) => {
      if (state !== 'stopped') wakeTaskAt(taskOf(kind, key), at)
    },
    every: (kind, key, ms) => {
      const task = taskOf(kind, key)
      task.everyMs = ms
      wakeTask(task)
    },
    start() {
      if (state !== 'new') return
      state = 'started'
      pump()
    },
    async stop({ graceMs }) {
      state = 'stopped'
      for (const { tasks, ready } of kinds.values()) {
        ready.clear()
        for (const task of tasks.values()) clearTimer(task)
      }
      const ended = Promise.all(runs)
      if (await within(ended, graceMs)) return
      ending.abort()
      if (!(await within(ended, ABORT_MS))) log.warn({ runs: runs.size }, 'runs were still going when the scheduler stopped')
    },
    async depths() {
      return [...kinds.values()].map(({ name, ready, running, tasks }) => {
        const later = [...tasks.values()].filter((task) => task.at !== NEVER).length
        return { kind: name, waiting: ready.size, running, later }
      })
    },
  }
}
