// What the scripts of this folder share: where Admin is, calls of its API as its owner, clients, and steps that are
// told one by one. ADMIN_URL and ADMIN_OWNER_TOKEN say where Admin is and who calls it, ADMIN_NODE_MODULES where the
// libraries are installed.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

export const { ADMIN_URL, ADMIN_OWNER_TOKEN, ADMIN_NODE_MODULES } = process.env

const require = createRequire(`${ADMIN_NODE_MODULES}/`)
/** A library, as a module. */
export const load = async (name) => await import(pathToFileURL(require.resolve(name)).href)

/** The whole body of an answer. */
export const whole = async (path, options = {}) => {
  const headers = { authorization: `Bearer ${ADMIN_OWNER_TOKEN}`, 'content-type': 'application/json' }
  const response = await fetch(`${ADMIN_URL}${path}`, { headers, ...options })
  const body = await response.json()
  assert.ok(response.ok, `${path}: ${JSON.stringify(body)}`)
  return body
}
const call = async (path, options) => (await whole(path, options)).data
export const post = (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) })

/** Registers a client; answers its id, and its secret if it shows who it is by one. */
export const register = async (name, attributes) => {
  const { id } = await post('/v3/clients', { name, attributes })
  const keyed = ['private_key_jwt', 'none'].includes(attributes.token_endpoint_auth_method)
  return { id, secret: keyed ? undefined : (await post(`/v3/clients/${id}/secrets`, {})).secret }
}

/** Whether the API lets a token in. */
export const isGood = async (token) => {
  const response = await fetch(`${ADMIN_URL}/v3/resources`, { headers: { authorization: `Bearer ${token}` } })
  assert.ok([200, 401].includes(response.status), `${response.status}`)
  return response.status === 200
}

/** One exchange; the first that fails ends the run. */
export const step = async (name, run) => {
  const result = await run()
  console.log(`passed: ${name}`)
  return result
}

/** The last word of a script: without it, it did not come to its end. */
export const end = () => console.log('all steps passed')
