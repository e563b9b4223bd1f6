import { announce, readOptions } from '../options.ts'
import { startHubSpot } from './start-hubspot.ts'

announce(await startHubSpot(readOptions()))
