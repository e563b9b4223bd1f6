/** Help text with examples, as they are typed. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  npm run -s leadstage -- ${line}`).join('\n')}`
}
