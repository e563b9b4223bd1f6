import { announce, readOptions } from '../options.ts'
import { startHubSpot } from './start-hubspot.ts'

const options = readOptions()
announce(await startHubSpot(options), options.parent)
