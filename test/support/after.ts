/** After all test files: stops the test server and removes its folder, unless another test run uses it. */
import { rm } from 'node:fs/promises'
import { findEmbedded } from '../../server/database/embedded.ts'
import { testDataDir, testServer } from './server.ts'

if ((await findEmbedded(testDataDir)) !== undefined) await (await testServer()).stop()
if ((await findEmbedded(testDataDir)) === undefined) await rm(testDataDir, { recursive: true, force: true })
