/** When a failed piece of work may be tried again. `afterMs` counts from now. */
export type Retry = 'never' | 'later' | { afterMs: number }

/** How far a failure reaches: one event or record, the batch it travelled in, or everything of the connection or dataset. */
export type ErrorScope = 'event' | 'batch' | 'connection'

/**
 * The only error a connector or a room of the server throws on purpose. `code` is stable and may be matched on;
 * `userText` says what happened and what to do, in words for the person who can fix it. `message` is for engineers and
 * must hold nothing secret or personal.
 */
export class CodedError extends Error {
  readonly code: string
  readonly retry: Retry
  readonly scope: ErrorScope
  readonly userText: string

  constructor(fields: { code: string; retry: Retry; scope: ErrorScope; userText: string; message?: string; cause?: unknown }) {
    super(fields.message ?? `${fields.code}: ${fields.userText}`, { cause: fields.cause })
    this.name = 'CodedError'
    this.code = fields.code
    this.retry = fields.retry
    this.scope = fields.scope
    this.userText = fields.userText
  }
}
