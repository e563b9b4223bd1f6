import { here } from './here.ts'
import { useVisitor } from './visitor.ts'
import { words } from './words.ts'

/** Names who did something: users are known by the number that the CRM gave them. */
export function useWho(): (actor: string) => string {
  const { crm, userId } = useVisitor()
  return (actor) => {
    const [, kind = '', id = ''] = /^([\w-]+)(?::(.+))?$/.exec(actor) ?? []
    if (kind === crm.id && id === userId) return words.who.you
    if (kind === crm.id) return words.who.user(crm.name, id)
    return here.who[kind as keyof typeof here.who] ?? actor
  }
}
