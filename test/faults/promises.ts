/** The promises and their proofs, read from the table that people read. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Promised {
  number: number
  title: string
  /** Test files, from the root of the checkout. */
  proofs: string[]
  /** What is said of parts that nobody can prove yet. */
  missing?: string
}

export const root = join(import.meta.dirname, '../..')

/** Throws where the table names a proof that is not there. */
export function readPromises(): Promised[] {
  const table = readFileSync(join(root, 'test/promises/README.md'), 'utf8')
  return [...table.matchAll(/^\| (\d+) \| ([^|]+) \| (.+) \|$/gm)].map(([, number, title = '', by = '']) => {
    const proofs = [...by.matchAll(/`(test\/[^`]+)`/g)].flatMap(([, path = '']) => filesOf(path))
    const missing = /[^;:]*: not built yet[^;]*/.exec(by)?.[0].trim()
    return { number: Number(number), title: title.trim(), proofs: [...new Set(proofs)], ...(missing !== undefined && { missing }) }
  })
}

function filesOf(path: string): string[] {
  if (!path.endsWith('/')) {
    if (!existsSync(join(root, path))) throw new Error(`test/promises/README.md names ${path}, which is not there`)
    return [path]
  }
  const names = readdirSync(join(root, path)).filter((name) => name.endsWith('.test.ts'))
  return names.map((name) => path + name)
}
