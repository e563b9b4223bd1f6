import { type ExtensionPointApi, hubspot } from '@hubspot/ui-extensions'
import { Frame } from './shared/frame.tsx'
import { RecordStory } from './shared/story.tsx'

/** On a contact: what of it was reported to Meta, and why the rest was not. */
export const ContactCard = ({ context }: Pick<ExtensionPointApi<'crm.record.tab'>, 'context'>) => (
  <Frame context={context}>
    <RecordStory type="contact" id={String(context.crm.objectId)} />
  </Frame>
)

hubspot.extend<'crm.record.tab'>(({ context }) => <ContactCard context={context} />)
