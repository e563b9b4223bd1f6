/** The code of a network error, or its kind; never its text, which may hold what was sent. */
export function networkReason(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string }
  return typeof code === 'string' ? code : (name ?? 'Error')
}
