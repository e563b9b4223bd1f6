/**
 * The page of Salesforce around ours, which opened it and can be asked for another signed request (Canvas developer guide, requesting a
 * signed request; the messages are those of its JavaScript SDK, `refreshSignedRequest`).
 */

/** Salesforce makes a request of its own for it. */
const TIMEOUT_MS = 15_000
const FRAME_NAME = 'canvas-frame-'
let asked = 0

/** Undefined: Salesforce has none to give, as after signing out there, or does not answer. */
export function askForSignedRequest(): Promise<string | undefined> {
  asked += 1
  const seq = asked
  return new Promise((resolve) => {
    const settle = (signedRequest?: string) => {
      clearTimeout(timer)
      window.removeEventListener('message', hear)
      resolve(signedRequest)
    }
    const hear = ({ source, data }: MessageEvent) => {
      if (source !== window.parent) return
      const answer = readAnswer(data)
      if (answer?.seq === seq) settle(answer.status === 200 ? answer.payload?.response : undefined)
    }
    const timer = setTimeout(settle, TIMEOUT_MS)
    window.addEventListener('message', hear)
    // There is no secret in it, and who may be around this page is said by its policy.
    window.parent.postMessage(JSON.stringify(question(seq)), '*')
  })
}

const question = (seq: number) => ({
  ...{ seq, src: 'client', clientVersion: '41.0', targetModule: 'Canvas' },
  body: {
    ...{ type: 'refresh', accessToken: 'null' },
    config: { client: { oauthToken: 'null', instanceId: window.name.slice(FRAME_NAME.length), targetOrigin: '*' } },
  },
})

interface Answer {
  seq?: number
  status?: number
  payload?: { response?: string }
}

/** Other parts of the page around ours send messages, too. */
function readAnswer(data: unknown): Answer | undefined {
  try {
    const answer = typeof data === 'string' ? (JSON.parse(data) as (Answer & { type?: string; targetModule?: string }) | null) : null
    return answer?.type === 'callback' && (answer.targetModule ?? 'Canvas') === 'Canvas' ? answer : undefined
  } catch {
    return undefined
  }
}
