import { announce, readOptions } from '../options.ts'
import { startMeta } from './start-meta.ts'

announce(await startMeta(readOptions()))
