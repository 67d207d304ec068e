// Somebody who signs in and agrees to everything, by the forms of the pages and without a browser.
import assert from 'node:assert/strict'
import { ADMIN_URL } from './admin.mjs'

const EMAIL = 'ada@example.org'
const PASSWORD = 'a long good password'
const entities = { '&#x2f;': '/', '&quot;': '"', '&#x27;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' }
const plain = (text) => text.replaceAll(/&[#\w]+;/g, (entity) => entities[entity] ?? assert.fail(entity))

/** The hidden fields of a page's first form that works without scripts, and where it goes. */
const form = (html) => {
  const [, action, inside] = html.match(/<form method="post" action="([^"]*)"(?![^>]* hidden>)[^>]*>(.*?)<\/form>/s) ?? assert.fail(html)
  const inputs = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)]
  return { action: plain(action), fields: Object.fromEntries(inputs.map(([, ...pair]) => pair.map(plain))) }
}

/** A new account, made by a one-time link. */
export const person = async (link) => {
  const cookies = new Map()
  const send = async (url, fields) => {
    const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; '), 'sec-fetch-site': 'same-origin' }
    const method = fields ? { method: 'POST', body: new URLSearchParams(fields) } : {}
    const response = await fetch(new URL(url, ADMIN_URL), { headers, redirect: 'manual', ...method })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/)
      cookies.set(name, value)
      if (!value) cookies.delete(name)
    }
    return response
  }
  const own = { email: EMAIL, password: PASSWORD }
  const made = await send('/set-up', { ...own, token: new URL(link).searchParams.get('token') })
  assert.equal(made.headers.get('location'), '/account', await made.text())

  return {
    /** Goes where a client sends a browser; answers how it comes back to the client: an address, or a posted form. */
    go: async (url) => {
      let response = await send(url)
      for (let hops = 0; hops < 10; hops += 1) {
        const place = response.headers.get('location')
        if (place) {
          const next = new URL(place, ADMIN_URL)
          if (next.origin !== new URL(ADMIN_URL).origin) return next
          response = await send(next)
          continue
        }
        assert.equal(response.status, 200, response.url)
        const { action, fields } = form(await response.text())
        if (action.startsWith('http')) return new Request(action, { method: 'POST', body: new URLSearchParams(fields) })
        const mine = action === '/sign-in' ? own : { decision: 'allow' }
        response = await send(action, { ...fields, ...mine })
      }
      assert.fail('there is no end to it')
    },
    /** Lets a device in, at the address that it shows. */
    letIn: async (url) => {
      const { action, fields } = form(await (await send(url)).text())
      const response = await send(action, { ...fields, decision: 'allow' })
      assert.equal(response.status, 200, await response.text())
    },
    isSignedIn: async () => (await send('/account')).status === 200,
    signOut: () => send('/sign-out', {}),
  }
}
