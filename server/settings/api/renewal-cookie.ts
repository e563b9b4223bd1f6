/**
 * The cookie with which the page on its own renews its bearer: no script reads it, no other site has it sent. Each sign-in has one of
 * its own, so that two tabs with two accounts do not take each other's.
 */
import { browserCookieOf, cookieFrom } from '../install/browser-cookie.ts'

const nameOf = (publicUrl: string, signIn: string) => `${browserCookieOf(publicUrl)}-${signIn}`

/** A `Set-Cookie` header that keeps a word until `endsAt`; without a word, one that takes the cookie away. */
export function renewalCookie(publicUrl: string, signIn: string, kept?: { word: string; endsAt: Date }): string {
  const seconds = kept === undefined ? 0 : Math.max(0, Math.floor((kept.endsAt.getTime() - Date.now()) / 1_000))
  const secure = publicUrl.startsWith('https:') ? '; Secure' : ''
  return `${nameOf(publicUrl, signIn)}=${kept?.word ?? ''}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
}

/** The word of a sign-in, from the `Cookie` header of a request. */
export const renewalFrom = (header: string | undefined, publicUrl: string, signIn: string): string | undefined =>
  cookieFrom(header, nameOf(publicUrl, signIn))
