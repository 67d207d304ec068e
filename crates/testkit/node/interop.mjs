// OAuth and OpenID Connect as libraries see them that others wrote: `oauth4webapi` and `openid-client`, here with the
// tokens that programs get for themselves.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, isGood, register, step } from './admin.mjs'
import { discovered, insecure, issuer, oauth, openid, ways } from './libraries.mjs'

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
  const { id } = await register('wrong', { roles: ['viewer'] })
  const config = await openid.discovery(issuer, id, undefined, openid.ClientSecretBasic('acs_wrong'), discovered)
  await assert.rejects(openid.clientCredentialsGrant(config), { status: 401 })
}

const server = await step('discovery', discover)
for (const way of await ways({ roles: ['viewer'] })) {
  await step(`${way.name}, oauth4webapi`, () => byOauth4webapi(server, way))
  await step(`${way.name}, openid-client`, () => byOpenidClient(way))
}
await step('a wrong secret', wrongSecret)
end()
