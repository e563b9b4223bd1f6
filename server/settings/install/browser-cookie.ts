/** The cookie by which a browser is known again when it comes back from a consent: a random word, in letters that need no escape. */

/** Its name. With the prefix no other host of the same domain can set it. */
export const browserCookieOf = (publicUrl: string): string => (publicUrl.startsWith('https:') ? '__Host-leadstage' : 'leadstage')

/** The word in it, from the `Cookie` header of a request; undefined where it has none. */
export const browserFrom = (header: string | undefined, publicUrl: string): string | undefined =>
  cookieFrom(header, browserCookieOf(publicUrl))

/** What a cookie holds, from the `Cookie` header of a request. */
export function cookieFrom(header: string | undefined, name: string): string | undefined {
  const start = `${name}=`
  return header
    ?.split(/;\s*/)
    .find((pair) => pair.startsWith(start))
    ?.slice(start.length)
}
