import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[]
  samples: number[]
  timeDeltas: number[]
}

/**
 * Where processes spent their time, by package or room of ours, from the profiles in a folder: names with their share in percent, the
 * largest first. What waits for work does not count.
 */
export async function profileShares(folder: string, most: number): Promise<[name: string, percent: number][]> {
  const spent = new Map<string, number>()
  for (const file of await readdir(folder)) {
    const { nodes, samples, timeDeltas } = JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
    for (const [index, sample] of samples.entries()) {
      const name = names.get(sample) ?? ''
      if (name !== '(idle)') spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[index] ?? 0))
    }
  }
  const total = [...spent.values()].reduce((sum, time) => sum + time, 0)
  return [...spent]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => [name, Math.round((100 * time) / total)])
}

function nameOf({ functionName, url }: Profile['nodes'][number]['callFrame']): string {
  const [, module] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? []
  const [, room] = /\/((?:server\/[^/]+)|connectors|mappings)\//.exec(url) ?? []
  if (module !== undefined) return module
  if (room !== undefined) return room
  return url.startsWith('node:') ? 'Node.js' : functionName
}
