/** The grammar of SOQL, as far as software asks with it (SOQL and SOSL reference, SELECT). */

export type Literal =
  | { kind: 'text'; value: string }
  | { kind: 'number'; value: number }
  | { kind: 'boolean'; value: boolean }
  | { kind: 'null' }
  /** YYYY-MM-DD */
  | { kind: 'date'; value: string }
  /** Milliseconds. */
  | { kind: 'instant'; value: number }
  /** A span of days by name, as `LAST_N_DAYS:7`. */
  | { kind: 'span'; name: string; count: number }
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'LIKE'
export type Condition =
  | { kind: 'and' | 'or'; parts: Condition[] }
  | { kind: 'not'; part: Condition }
  | { kind: 'compare'; path: Path; operator: Operator; value: Literal }
  | { kind: 'in'; path: Path; negated: boolean; values: Literal[] }
  | { kind: 'semijoin'; path: Path; negated: boolean; query: Query }
/** A field, or one of a parent record: `Owner.Name`. `at` is its place in the text. */
export interface Path {
  names: string[]
  at: number
}
export type Selected =
  | { kind: 'field'; path: Path }
  | { kind: 'label'; path: Path; alias: string | undefined }
  | { kind: 'aggregate'; operation: 'COUNT' | 'COUNT_DISTINCT' | 'MIN' | 'MAX'; path: Path; alias: string | undefined }
  | { kind: 'all'; which: 'ALL' | 'STANDARD' | 'CUSTOM' }
export interface Query {
  /** `count`: `SELECT COUNT()`, no rows are wanted. */
  select: Selected[] | 'count'
  from: string
  fromAt: number
  alias: string | undefined
  where: Condition | undefined
  groupBy: Path[]
  orderBy: { path: Path; descending: boolean; nullsLast: boolean }[]
  limit: number | undefined
  offset: number
}

/** Raised for what is no SOQL, or asks for what cannot be asked; `code` as in the API's error bodies. */
export class SoqlError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The message of an error at a place of the query, which it quotes. */
export function pointAt(soql: string, at: number, message: string): string {
  const from = Math.max(0, at - 40)
  return `\n${soql.slice(from, at + 40)}\n${' '.repeat(at - from)}^\nERROR at Row:1:Column:${at + 1}\n${message}`
}

interface Token {
  kind: 'word' | 'text' | 'number' | 'date' | 'instant' | 'sign' | 'end'
  text: string
  at: number
}
const patterns: [Token['kind'], RegExp][] = [
  ['instant', /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)/y],
  ['date', /\d{4}-\d\d-\d\d(?![\dT])/y],
  ['number', /[+-]?\d+(?:\.\d+)?/y],
  ['word', /[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/y],
  ['text', /'(?:[^'\\]|\\.)*'/sy],
  ['sign', /<=|>=|!=|<>|[=<>(),:]/y],
]
const escapes: Record<string, string> = { n: '\n', N: '\n', r: '\r', R: '\r', t: '\t', T: '\t', b: '\b', B: '\b', f: '\f', F: '\f' }

/** Reads a query. Throws `SoqlError` MALFORMED_QUERY where it is none. */
export function parseSoql(soql: string): Query {
  const tokens = tokenize(soql)
  let index = 0
  const query = readQuery()
  if (peek().kind !== 'end') throw unexpected()
  return query

  function peek(): Token {
    return tokens[index] as Token
  }
  function next(): Token {
    index += 1
    return tokens[index - 1] as Token
  }
  function unexpected(token = peek()): SoqlError {
    const what = token.kind === 'end' ? 'unexpected end of query' : `unexpected token: '${token.text}'`
    return new SoqlError('MALFORMED_QUERY', pointAt(soql, token.at, what))
  }
  function isWord(word: string, token = peek()): boolean {
    return token.kind === 'word' && token.text.toUpperCase() === word
  }
  function take(word: string): boolean {
    if (!isWord(word)) return false
    index += 1
    return true
  }
  function takeSign(sign: string): boolean {
    if (peek().kind !== 'sign' || peek().text !== sign) return false
    index += 1
    return true
  }
  function need(word: string): void {
    if (!take(word)) throw unexpected()
  }
  function needSign(sign: string): void {
    if (!takeSign(sign)) throw unexpected()
  }
  function needWord(): Token {
    if (peek().kind !== 'word') throw unexpected()
    return next()
  }
  function needCount(): number {
    if (peek().kind !== 'number' || !/^\d+$/.test(peek().text)) throw unexpected()
    return Number(next().text)
  }

  function readQuery(): Query {
    need('SELECT')
    const select = readSelect()
    need('FROM')
    const from = needWord()
    const alias = peek().kind === 'word' && !clauses.has(peek().text.toUpperCase()) ? next().text : undefined
    const where = take('WHERE') ? readCondition() : undefined
    const groupBy = take('GROUP') ? readGroup() : []
    const orderBy = take('ORDER') ? readOrder() : []
    const limit = take('LIMIT') ? needCount() : undefined
    const offset = take('OFFSET') ? needCount() : 0
    return { select, from: from.text, fromAt: from.at, alias, where, groupBy, orderBy, limit, offset }
  }

  function readSelect(): Query['select'] {
    if (isWord('COUNT') && tokens[index + 1]?.text === '(' && tokens[index + 2]?.text === ')') {
      index += 3
      return 'count'
    }
    const selected = [readSelected()]
    while (takeSign(',')) selected.push(readSelected())
    return selected
  }

  function readSelected(): Selected {
    const word = needWord()
    if (!takeSign('(')) return { kind: 'field', path: pathOf(word) }
    const operation = word.text.toUpperCase()
    const inner = needWord()
    needSign(')')
    const alias = peek().kind === 'word' && !isWord('FROM') ? next().text : undefined
    if (operation === 'FIELDS') {
      const which = inner.text.toUpperCase()
      if (which !== 'ALL' && which !== 'STANDARD' && which !== 'CUSTOM') throw unexpected(inner)
      return { kind: 'all', which }
    }
    if (operation === 'TOLABEL') return { kind: 'label', path: pathOf(inner), alias }
    if (operation === 'COUNT' || operation === 'COUNT_DISTINCT' || operation === 'MIN' || operation === 'MAX')
      return { kind: 'aggregate', operation, path: pathOf(inner), alias }
    throw unexpected(word)
  }

  function pathOf(word: Token): Path {
    return { names: word.text.split('.'), at: word.at }
  }

  /** AND and OR stand beside each other only in parentheses. */
  function readCondition(): Condition {
    const parts = [readPart()]
    const kind = isWord('OR') ? 'or' : 'and'
    while (take(kind.toUpperCase())) parts.push(readPart())
    if (isWord('AND') || isWord('OR')) throw unexpected()
    return parts.length === 1 ? (parts[0] as Condition) : { kind, parts }
  }

  function readPart(): Condition {
    if (take('NOT')) return { kind: 'not', part: readPart() }
    if (takeSign('(')) {
      const inner = readCondition()
      needSign(')')
      return inner
    }
    const path = pathOf(needWord())
    const negated = isWord('NOT') && isWord('IN', tokens[index + 1])
    if (negated) index += 1
    if (take('IN')) return readList(path, negated)
    if (take('LIKE')) return { kind: 'compare', path, operator: 'LIKE', value: readLiteral() }
    const sign = next()
    const operator = sign.text === '<>' ? '!=' : sign.text
    if (sign.kind !== 'sign' || !/^(=|!=|<=?|>=?)$/.test(operator)) throw unexpected(sign)
    return { kind: 'compare', path, operator: operator as Operator, value: readLiteral() }
  }

  function readList(path: Path, negated: boolean): Condition {
    needSign('(')
    if (isWord('SELECT')) {
      const inner = readQuery()
      needSign(')')
      return { kind: 'semijoin', path, negated, query: inner }
    }
    const values = [readLiteral()]
    while (takeSign(',')) values.push(readLiteral())
    needSign(')')
    return { kind: 'in', path, negated, values }
  }

  function readLiteral(): Literal {
    const token = next()
    if (token.kind === 'text')
      return { kind: 'text', value: token.text.slice(1, -1).replace(/\\(.)/gs, (_, escaped: string) => escapes[escaped] ?? escaped) }
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text) }
    if (token.kind === 'date') return { kind: 'date', value: token.text }
    if (token.kind === 'instant') return { kind: 'instant', value: Date.parse(token.text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) }
    if (token.kind !== 'word') throw unexpected(token)
    const name = token.text.toUpperCase()
    if (name === 'NULL') return { kind: 'null' }
    if (name === 'TRUE' || name === 'FALSE') return { kind: 'boolean', value: name === 'TRUE' }
    if (!spans.has(name)) throw unexpected(token)
    if (!/_N_/.test(name)) return { kind: 'span', name, count: 1 }
    needSign(':')
    return { kind: 'span', name, count: needCount() }
  }

  function readGroup(): Path[] {
    need('BY')
    const paths = [pathOf(needWord())]
    while (takeSign(',')) paths.push(pathOf(needWord()))
    return paths
  }

  function readOrder(): Query['orderBy'] {
    need('BY')
    const order = [readOrdered()]
    while (takeSign(',')) order.push(readOrdered())
    return order
  }

  function readOrdered(): Query['orderBy'][number] {
    const path = pathOf(needWord())
    const descending = take('DESC')
    if (!descending) take('ASC')
    // Without a word on it, what is empty comes first, whatever the direction.
    if (!take('NULLS')) return { path, descending, nullsLast: false }
    const nullsLast = take('LAST')
    if (!nullsLast) need('FIRST')
    return { path, descending, nullsLast }
  }
}

const clauses = new Set(['WHERE', 'GROUP', 'ORDER', 'LIMIT', 'OFFSET', 'USING', 'WITH', 'FOR', 'HAVING', 'ALL'])
const spans = new Set([
  ...['YESTERDAY', 'TODAY', 'TOMORROW', 'LAST_WEEK', 'THIS_WEEK', 'LAST_MONTH', 'THIS_MONTH', 'THIS_YEAR', 'LAST_YEAR'],
  ...['LAST_90_DAYS', 'LAST_N_DAYS', 'NEXT_N_DAYS', 'N_DAYS_AGO'],
])

function tokenize(soql: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < soql.length) {
    if (/\s/.test(soql[at] as string)) {
      at += 1
      continue
    }
    let found: Token | undefined
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = at
      const text = pattern.exec(soql)?.[0]
      if (text === undefined) continue
      found = { kind, text, at }
      break
    }
    if (found === undefined)
      throw new SoqlError('MALFORMED_QUERY', pointAt(soql, at, `line 1:${at} no viable alternative at character '${soql[at]}'`))
    tokens.push(found)
    at += found.text.length
  }
  tokens.push({ kind: 'end', text: '', at })
  return tokens
}
