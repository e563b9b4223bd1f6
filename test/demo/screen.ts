/** Where the demo speaks to a person: standard output, or standard error when standard output is for JSON. */
import { styleText } from 'node:util'
import type { Paint } from './report.ts'

export interface Screen {
  paint: Paint
  /** Prints lines; nothing when standard output is for JSON and no terminal is watching. */
  say(...lines: string[]): void
  /** Prints lines that are wanted in any case. */
  tell(...lines: string[]): void
  /** Prints lines to standard error. */
  complain(...lines: string[]): void
  /** Shows how far things are: a block drawn over and over on a terminal, else a line every few seconds. */
  progress(block: () => string[], line: () => string): void
  /** What `progress` showed last stays. */
  settle(): void
}

const lineEveryMs = 3_000

/** @param json nothing may go to standard output; progress is shown only where a terminal sees it */
export function openScreen(json: boolean): Screen {
  const stream = json ? process.stderr : process.stdout
  const live = stream.isTTY === true && process.env.TERM !== 'dumb'
  const colour = live && !process.env.NO_COLOR
  const print = (to: NodeJS.WriteStream, lines: readonly string[]) => void to.write(lines.map((line) => `${line}\n`).join(''))
  const quiet = json && !stream.isTTY
  let drawn = 0
  let latest: (() => string) | undefined
  let lastLineAt = Date.now()
  let lastLine = ''
  const tellProgress = () => {
    const line = latest?.() ?? ''
    latest = undefined
    if (line === lastLine || line === '' || quiet) return
    lastLine = line
    lastLineAt = Date.now()
    print(stream, [line])
  }
  return {
    paint: (style, text) => (colour && text !== '' ? styleText(style, text, { validateStream: false }) : text),
    say: (...lines) => quiet || print(stream, lines),
    tell: (...lines) => print(stream, lines),
    complain: (...lines) => print(process.stderr, lines),
    progress(block, line) {
      if (live) {
        const lines = block()
        stream.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((text) => `\x1b[2K${text}\n`).join('')}`)
        drawn = lines.length
        return
      }
      latest = line
      if (Date.now() - lastLineAt > lineEveryMs) tellProgress()
    },
    settle() {
      drawn = 0
      tellProgress()
    },
  }
}
