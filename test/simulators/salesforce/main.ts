import { announce, readOptions } from '../options.ts'
import { startSalesforce } from './start-salesforce.ts'

const options = readOptions()
announce(await startSalesforce(options), options.parent)
