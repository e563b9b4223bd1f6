/** Before the server starts: builds the page where that was not done since its sources changed. Where there are no tools to build with, what is there is served. */
import { randomUUID } from 'node:crypto'
import { existsSync, globSync, statSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

const folder = import.meta.dirname
const sources = globSync(['src/**/*', 'index.html', 'vite.config.ts', 'package.json'], { cwd: folder })
const newest = Math.max(...sources.map((file) => statSync(join(folder, file)).mtimeMs))
const built = join(folder, 'dist')
const document = join(built, 'index.html')
const isBuilt = () => existsSync(document) && statSync(document).mtimeMs >= newest

if (!isBuilt()) {
  const vite = await import('vite').catch(() => undefined)
  if (vite === undefined) process.stderr.write('The settings page cannot be built here: install the packages for development first.\n')
  else await build(vite)
}

/** Elsewhere, and whole before it takes its place: another start may be doing the same, or be cut off in the middle. */
async function build(vite: typeof import('vite')): Promise<void> {
  const draft = join(folder, 'node_modules', `page-${randomUUID()}`)
  try {
    await vite.build({ root: folder, configFile: join(folder, 'vite.config.ts'), logLevel: 'warn', build: { outDir: draft } })
    if (isBuilt()) return
    await rm(built, { recursive: true, force: true })
    await rename(draft, built).catch((error) => {
      if (!isBuilt()) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
