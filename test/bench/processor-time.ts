/** Processor time that processes have spent, in seconds: it depends far less than the clock on what else the machine does. */
import { readFile } from 'node:fs/promises'

/** Of one process, with that of its children that have ended; the kernel counts in hundredths of a second. */
export async function processorTime(pid: string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [, , , , , , , , , , , user = 0, system = 0, endedUser = 0, endedSystem = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  return (user + system + endedUser + endedSystem) / 100
}

/** A process and those it started, by their ids. */
export async function family(parent: string): Promise<string[]> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '')
  return [parent, ...children.split(' ').filter((pid) => pid !== '')]
}

export async function parentOf(pid: string): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^PPid:\s+(\d+)/m.exec(status)?.[1]
}

/** Adds up a figure of several processes. */
export const sum = async (pids: readonly string[], figure: (pid: string) => Promise<number>): Promise<number> =>
  (await Promise.all(pids.map(figure))).reduce((total, one) => total + one, 0)
