/** Values of foreign JSON by their address; only what the JSON itself holds is ever found. */

/** The value at a dot path (`lead.tags.0`) or JSON Pointer (`/lead/tags/0`, RFC 6901); undefined where there is none. */
export function readPath(value: unknown, path: string): unknown {
  let found = value
  for (const name of namesOf(path)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

function namesOf(path: string): string[] {
  if (!path.startsWith('/')) return path.split('.')
  return path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
}
