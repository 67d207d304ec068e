// OAuth and OpenID Connect as libraries see them that others wrote: `oauth4webapi` and `openid-client`, here with the
// tokens that programs get for themselves.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, isGood, load, register as registerWith, step } from './admin.mjs'

const oauth = await load('oauth4webapi')
const openid = await load('openid-client')

const issuer = new URL(ADMIN_URL)
// The tests serve plain HTTP on this machine alone.
const insecure = { [oauth.allowInsecureRequests]: true }
const discovered = { execute: [openid.allowInsecureRequests] }

const register = (name, attributes) => registerWith(name, { roles: ['viewer'], ...attributes })

const keyTypes = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  Ed25519: { name: 'Ed25519' },
}

/** The ways in which a client shows who it is: its attributes, and what each library calls it. */
const ways = async () => {
  const ways = []
  for (const method of ['client_secret_basic', 'client_secret_post']) {
    const basic = method === 'client_secret_basic'
    const { id, secret } = await register(method, { token_endpoint_auth_method: method })
    ways.push({
      name: method,
      id,
      low: (basic ? oauth.ClientSecretBasic : oauth.ClientSecretPost)(secret),
      high: (basic ? openid.ClientSecretBasic : openid.ClientSecretPost)(secret),
    })
  }
  for (const [alg, type] of Object.entries(keyTypes)) {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(type, true, ['sign', 'verify'])
    const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', publicKey)
    const { id } = await register(alg, {
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: alg === 'Ed25519' ? 'EdDSA' : alg.replace('PS', 'RS'),
      jwks: { keys: [{ ...jwk, kid: 'one' }] },
    })
    const key = { key: privateKey, kid: 'one' }
    ways.push({ name: alg, id, low: oauth.PrivateKeyJwt(key), high: openid.PrivateKeyJwt(key) })
  }
  return ways
}

/** Metadata, by both well-known addresses. */
const discover = async () => {
  let server
  for (const algorithm of ['oidc', 'oauth2']) {
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
    server = await oauth.processDiscoveryResponse(issuer, response)
  }
  assert.deepEqual(server.code_challenge_methods_supported, ['S256'])
  return server
}

const byOauth4webapi = async (server, { id, low }) => {
  const client = { client_id: id }
  const grant = await oauth.clientCredentialsGrantRequest(server, client, low, { scope: 'admin' }, insecure)
  const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, grant)
  assert.ok(await isGood(token))
  // The library fetches our keys, and judges the token as an API would (RFC 9068).
  const request = new Request(`${ADMIN_URL}/x`, { headers: { authorization: `Bearer ${token}` } })
  const claims = await oauth.validateJwtAccessToken(server, request, server.issuer, insecure)
  assert.equal(claims.client_id, id)
  const ask = async () => {
    const response = await oauth.introspectionRequest(server, client, low, token, insecure)
    return await oauth.processIntrospectionResponse(server, client, response)
  }
  assert.deepEqual((({ active, sub, scope }) => ({ active, sub, scope }))(await ask()), { active: true, sub: id, scope: 'admin' })
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, low, token, insecure))
  assert.ok(!(await isGood(token)))
  assert.deepEqual(await ask(), { active: false })
}

const byOpenidClient = async ({ id, high }) => {
  const config = await openid.discovery(issuer, id, undefined, high, discovered)
  const { access_token: token, expires_in } = await openid.clientCredentialsGrant(config, { resource: ADMIN_URL })
  assert.ok(await isGood(token))
  assert.equal(expires_in, 600)
  assert.equal((await openid.tokenIntrospection(config, token)).active, true)
  await openid.tokenRevocation(config, token)
  assert.equal((await openid.tokenIntrospection(config, token)).active, false)
  const refused = openid.clientCredentialsGrant(config, { scope: 'unknown' })
  await assert.rejects(refused, { error: 'invalid_scope', status: 400 })
}

const wrongSecret = async () => {
  const { id } = await register('wrong', {})
  const config = await openid.discovery(issuer, id, undefined, openid.ClientSecretBasic('acs_wrong'), discovered)
  await assert.rejects(openid.clientCredentialsGrant(config), { status: 401 })
}

const server = await step('discovery', discover)
for (const way of await ways()) {
  await step(`${way.name}, oauth4webapi`, () => byOauth4webapi(server, way))
  await step(`${way.name}, openid-client`, () => byOpenidClient(way))
}
await step('a wrong secret', wrongSecret)
end()
