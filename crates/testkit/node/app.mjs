// A program that others wrote, as a browser meets it: it sends people to Admin, and waits for them to come back.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { ADMIN_URL, register } from './admin.mjs'

const PATIENCE = 60_000

/** Registers a client with these attributes, and opens where its people come back to. */
export const app = async (name, attributes) => {
  const visits = []
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://app')
    let body = ''
    for await (const piece of request) body += piece
    const params = Object.fromEntries([...searchParams, ...new URLSearchParams(body)])
    if (pathname === '/back') {
      visits.push({ method: request.method, params })
      server.emit('visit')
    }
    response.writeHead(200, { 'content-type': 'text/html' }).end(`<link rel="icon" href="data:,">${html}`)
  })
  let html = 'Welcome back'
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const home = `http://127.0.0.1:${server.address().port}`
  const back = `${home}/back`
  const { id } = await register(name, {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [back],
    post_logout_redirect_uris: [back],
    ...attributes,
  })
  const verifier = randomBytes(32).toString('base64url')
  const params = {
    client_id: id,
    redirect_uri: back,
    response_type: 'code',
    scope: 'openid profile email admin',
    state: 'one two',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }
  return {
    id,
    home,
    back,
    /** Where it sends people to sign in. */
    ask: (more) => `${ADMIN_URL}/oauth/authorize?${new URLSearchParams({ ...params, ...more })}`,
    /** And to sign out. */
    out: (hint) =>
      `${ADMIN_URL}/oauth/logout?${new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: back, state: 'bye' })}`,
    /** The next that comes back, in this page. */
    visit: async (page) => {
      const timeout = AbortSignal.timeout(PATIENCE)
      while (!visits.length) {
        await once(server, 'visit', { signal: timeout }).catch(() => assert.fail('nobody came back'))
      }
      // The page is there when it is shown, which is after it was asked for.
      await page.waitForURL((url) => url.href.startsWith(back))
      return visits.shift()
    },
    /** The tokens for a code. */
    redeem: async ({ params: { code } }) => {
      const form = { grant_type: 'authorization_code', code, redirect_uri: back, client_id: id, code_verifier: verifier }
      const response = await fetch(`${ADMIN_URL}/oauth/token`, { method: 'POST', body: new URLSearchParams(form) })
      const tokens = await response.json()
      assert.ok(response.ok, JSON.stringify(tokens))
      return tokens
    },
    /** From now on, this is its page. */
    serve: (text) => (html = text),
    close: () => {
      server.closeAllConnections()
      return new Promise((closed) => server.close(closed))
    },
  }
}
