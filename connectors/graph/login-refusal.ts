import { CodedError } from '../errors.ts'

/**
 * What Meta's answer means where a code or token was to be traded: `code_spent` (only a new consent helps), `app_misconfigured`, or
 * `meta_unavailable` (retry later). Nothing of the answer is passed on, which may repeat the code.
 */
export function loginRefusal(told: { code?: unknown; error_subcode?: unknown } | undefined): CodedError {
  // 36007 and 36009: the code has run out or was used before; 36008: for another address (Graph API, access token errors).
  const spent = told?.error_subcode === 36007 || told?.error_subcode === 36009
  if (spent)
    return new CodedError({
      code: 'code_spent',
      retry: 'never',
      scope: 'connection',
      userText: 'This consent was used before, or it has run out. Nothing was changed; start again from the link.',
    })
  if (told?.error_subcode === 36008 || told?.code === 1 || told?.code === 101)
    return new CodedError({
      code: 'app_misconfigured',
      retry: 'later',
      scope: 'connection',
      userText: 'Meta does not accept the credentials of this app. Its operator has to check app id, secret and redirect address.',
    })
  return new CodedError({
    code: 'meta_unavailable',
    retry: 'later',
    scope: 'connection',
    userText: 'Meta did not answer as it should. Try again in a few minutes.',
  })
}
