// Devices, tokens that are bound to a key, pushed requests and token exchange, as libraries see them that others wrote.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, isGood, register, step } from './admin.mjs'
import { discovered, insecure, issuer, oauth, openid } from './libraries.mjs'
import { person } from './person.mjs'

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const ada = await person(process.env.ADMIN_SET_UP_LINK)
const users = new URL('/v3/users', ADMIN_URL)

const configure = async (id, way = openid.None()) => await openid.discovery(issuer, id, undefined, way, discovered)

/** A device with a key of its own: `admin-cli`, which is there without being registered, or another one. */
const device = async (id) => {
  const config = await configure(id)
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))
  const asked = await openid.initiateDeviceAuthorization(config, { scope: 'openid admin' })
  assert.match(asked.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
  await ada.letIn(asked.verification_uri_complete)
  const tokens = await openid.pollDeviceAuthorizationGrant(config, asked, undefined, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
  assert.ok(tokens.claims().sub.startsWith('usr_'))
  assert.ok(!(await isGood(tokens.access_token)), 'it is no bearer token')
  const answer = await openid.fetchProtectedResource(config, tokens.access_token, users, 'GET', null, undefined, { DPoP })
  assert.equal(answer.status, 200)
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  assert.equal(next.token_type, 'dpop')
}

/** A code flow whose request is pushed, with a proof. */
const pushed = async () => {
  const redirect_uri = 'http://localhost:9999/back'
  const attributes = { redirect_uris: [redirect_uri], grant_types: ['authorization_code'], first_party: true }
  const bound = { require_pushed_authorization_requests: true, dpop_bound_access_tokens: true }
  const { id } = await register('pushing', { ...attributes, ...bound, token_endpoint_auth_method: 'none' })
  const config = await configure(id)
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('Ed25519'))
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const parameters = {
    redirect_uri,
    scope: 'openid admin',
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  }
  const url = await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
  const tokens = await openid.authorizationCodeGrant(config, await ada.go(url), { pkceCodeVerifier }, undefined, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
}

/** Client credentials with a proof, by the other library, which verifies the token as an API would. */
const bound = async () => {
  const { id, secret } = await register('bound', { roles: ['viewer'], dpop_bound_access_tokens: true })
  const client = { client_id: id }
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('RS256'))
  const way = oauth.ClientSecretBasic(secret)
  const refused = await oauth.clientCredentialsGrantRequest(server, client, way, {}, insecure)
  await assert.rejects(oauth.processClientCredentialsResponse(server, client, refused), { error: 'invalid_dpop_proof' })
  const response = await oauth.clientCredentialsGrantRequest(server, client, way, {}, { DPoP, ...insecure })
  const { access_token } = await oauth.processClientCredentialsResponse(server, client, response)
  const options = { DPoP, ...insecure }
  const answer = await oauth.protectedResourceRequest(access_token, 'GET', users, undefined, undefined, options)
  assert.equal(answer.status, 200)
}

const exchanged = async () => {
  const { id, secret } = await register('called', { roles: ['viewer'] })
  const { access_token: subject_token } = await openid.clientCredentialsGrant(await configure(id, openid.ClientSecretBasic(secret)))
  const gateway = await register('gateway', { grant_types: [EXCHANGE] })
  const config = await configure(gateway.id, openid.ClientSecretBasic(gateway.secret))
  const answer = await openid.genericGrantRequest(config, EXCHANGE, { subject_token, subject_token_type: ACCESS_TOKEN })
  assert.equal(answer.issued_token_type, ACCESS_TOKEN)
  assert.ok(await isGood(answer.access_token))
}

await step('a device, as admin-cli', () => device('admin-cli'))
const { id } = await register('television', { grant_types: [DEVICE_CODE, 'refresh_token'], token_endpoint_auth_method: 'none' })
await step('a device of the org', () => device(id))
await step('pushed and bound', pushed)
await step('bound client credentials', bound)
await step('token exchange', exchanged)
end()
