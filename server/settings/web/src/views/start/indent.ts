/** Sets JSON in lines without reading its numbers, which may be longer than a number here can be. */
export function indent(json: string): string {
  let depth = 0
  return (json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [])
    .map((token) => {
      const line = () => `\n${'  '.repeat(depth)}`
      if (token === '{' || token === '[') {
        depth++
        return token + line()
      }
      if (token === '}' || token === ']') {
        depth--
        return line() + token
      }
      return token === ',' ? token + line() : token === ':' ? ': ' : token
    })
    .join('')
}
