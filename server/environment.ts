import { existsSync } from 'node:fs'

/** The environment of this process, with what a `.env` file in the current folder adds; what is set already goes first. */
export function environment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}
