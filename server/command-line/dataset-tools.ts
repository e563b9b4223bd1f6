import type { DatasetTools } from '../settings/datasets.ts'
import type { Tools } from './tools.ts'

/** What datasets are opened with. */
export const datasetTools = ({ vault, graph, config }: Pick<Tools, 'vault' | 'graph' | 'config'>): DatasetTools => ({
  ...{ vault, graph },
  ...(config.meta.app && { metaApp: config.meta.app }),
  sending: { limits: { maxAgeMs: config.eventMaxAgeMs, batchLimit: config.batchLimit }, timeoutMs: config.meta.timeoutMs },
})
