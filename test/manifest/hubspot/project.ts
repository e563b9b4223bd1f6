/** The HubSpot project as HubSpot's own parser reads it. */
import { join } from 'node:path'
import { loadHubspotParser } from '../tools.ts'

export const folder = join(import.meta.dirname, '../../../manifest/hubspot')
export const source = join(folder, 'src')

/** Folders of extensions, each with what is built first. */
export const extensions = { settings: 'SettingsPage.tsx', pages: 'Pages.tsx', cards: 'ContactCard.tsx' } as const
export type Extension = keyof typeof extensions

export interface Component {
  type: string
  uid: string
  config: Record<string, unknown>
}

/** The components with the variables of the profile filled in. Throws what the parser throws. */
export async function readComponents(projectSourceDir = source): Promise<Component[]> {
  const { translate } = await loadHubspotParser()
  const options = { skipValidation: true, profile: 'production' }
  const { intermediateRepresentation, skippedHsMetaFiles } = await translate({ projectSourceDir, platformVersion: '2026.09' }, options)
  if (skippedHsMetaFiles.length > 0) throw new Error(`Not where the parser looks: ${skippedHsMetaFiles.join(', ')}`)
  return Object.values(intermediateRepresentation.intermediateNodesIndexedByUid).map(({ uid, componentType, config }) => ({
    type: componentType,
    uid,
    config,
  }))
}
