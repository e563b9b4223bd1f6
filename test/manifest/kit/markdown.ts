/** Pieces of Markdown. */

/** First line of every file that is made. */
export const notice = (title: string): string =>
  `# ${title}\n\n<!-- Made by \`npm run packages:kit\`. Change what it is made from instead. -->`

/** A table; bars in cells are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

export const code = (text: string): string => `\`${text}\``

/** Pieces with an empty line between, and one line end at the end. */
export const page = (...pieces: readonly string[]): string => `${pieces.join('\n\n')}\n`
