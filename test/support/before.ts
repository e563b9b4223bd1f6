/** Before all test files: starts the test server, which outlives this process. */
import { testServer } from './server.ts'

const server = await testServer()
await server.release()
