import { words } from '../words.ts'
import { useVisitor } from './visitor.ts'

/** Names who did something: the CRM's users are known by their ids. */
export function useWho(): (actor: string) => string {
  const { crm, userId } = useVisitor()
  return (actor) => {
    if (actor === `${crm.id}:${userId}`) return words.who.you
    const user = actor.startsWith(`${crm.id}:`) ? actor.slice(crm.id.length + 1) : undefined
    return user === undefined ? actor : words.who.user(crm.name, user)
  }
}
