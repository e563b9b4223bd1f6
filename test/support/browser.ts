/** What a browser does on the way through an install, without drawing anything: it keeps cookies, follows redirects and sends forms. */

export interface Shown {
  url: string
  status: number
  headers: Headers
  text: string
}
/** The fields of a form; several values where a field has several. */
export type Values = Record<string, string | string[]>

export interface Browser {
  open(url: string): Promise<Shown>
  /** The form of the page that is open, with these values; follows where that leads. */
  submit(values: Values): Promise<Shown>
  /** As `submit`, but stops at the address it leads to. */
  answer(values: Values): Promise<string>
  /** A form sent to an address. */
  send(url: string, values: Values): Promise<Shown>
  reload(): Promise<Shown>
  /** A tab that shares the cookies. */
  anotherTab(): Browser
}

/** @param hosts where origins really are, for addresses that only the world outside knows */
export function createBrowser(hosts: Record<string, string>, jar = new Map<string, Map<string, string>>()): Browser {
  let current = ''

  async function fetchOne(url: string, form?: Values): Promise<Response> {
    const { origin } = new URL(url)
    const cookies = jar.get(origin) ?? new Map<string, string>()
    jar.set(origin, cookies)
    const response = await fetch(url.replace(origin, hosts[origin] ?? origin), {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && {
        method: 'POST',
        body: new URLSearchParams(
          Object.entries(form).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value])),
        ),
      }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }

  async function go(url: string, form?: Values): Promise<Shown> {
    let response = await fetchOne(url, form)
    current = url
    for (let hops = 0; response.status >= 300 && response.status < 400 && hops < 10; hops++) {
      current = new URL(response.headers.get('location') ?? '', current).href
      response = await fetchOne(current)
    }
    return { url: current, status: response.status, headers: response.headers, text: await response.text() }
  }

  return {
    open: (url) => go(url),
    submit: (values) => go(current, values),
    async answer(values) {
      const response = await fetchOne(current, values)
      return response.headers.get('location') ?? ''
    },
    send: (url, values) => go(url, values),
    reload: () => go(current),
    anotherTab: () => createBrowser(hosts, jar),
  }
}
