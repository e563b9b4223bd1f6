/** A stage as records name it. An empty pipeline counts as none. */
export interface Stage {
  source: string
  pipelineId?: string | undefined
  stageId: string
}

/** Stage key of the raw lead. It holds no slash, so no stage can have it. */
export const rawLeadKey = 'raw_lead'

const escaped = (text: string): string =>
  text.includes('/') || text.includes('%') ? text.replaceAll('%', '%25').replaceAll('/', '%2F') : text
const unescaped = (text: string) => text.replaceAll('%2F', '/').replaceAll('%25', '%')

/** One stage as text, `source/pipeline/stageId` with `%` and `/` escaped; the pipeline is empty where there is none. */
export const stageKey = ({ source, pipelineId, stageId }: Stage): string =>
  escaped(source) + (pipelineId ? `/${escaped(pipelineId)}/` : '//') + escaped(stageId)

/** The stage behind a key; `undefined` for the raw lead and for text that is no stage key. */
export const parseStageKey = (key: string): Stage | undefined => {
  const [source, pipelineId, stageId, ...rest] = key.split('/')
  if (source === undefined || pipelineId === undefined || stageId === undefined || rest.length > 0) return undefined
  const stage = { source: unescaped(source), stageId: unescaped(stageId) }
  return pipelineId === '' ? stage : { ...stage, pipelineId: unescaped(pipelineId) }
}
