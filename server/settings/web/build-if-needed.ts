/** Before the server starts: builds the page where that was not done since its sources changed. Where there are no tools to build with, what is there is served. */
import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const sources = globSync(['src/**/*', 'index.html', 'vite.config.ts', 'package.json'], { cwd: folder })
const newest = Math.max(...sources.map((file) => statSync(join(folder, file)).mtimeMs))
const built = join(folder, 'dist/index.html')

if (!existsSync(built) || statSync(built).mtimeMs < newest) {
  const vite = await import('vite').catch(() => undefined)
  if (vite === undefined) process.stderr.write('The settings page cannot be built here: install the packages for development first.\n')
  else await vite.build({ root: folder, configFile: join(folder, 'vite.config.ts'), logLevel: 'warn' })
}
