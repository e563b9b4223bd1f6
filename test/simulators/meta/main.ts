import { announce, readOptions } from '../options.ts'
import { startMeta } from './start-meta.ts'

const options = readOptions()
announce(await startMeta(options), options.parent)
