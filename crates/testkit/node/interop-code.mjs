// The authorization code flow as libraries see it that others wrote: `oauth4webapi` and `openid-client` send a person to
// Admin, take what comes back, and hold it against the standards. ADMIN_SET_UP_LINK is the owner's one-time link.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, isGood, register, step } from './admin.mjs'
import { discovered, insecure, issuer, oauth, openid, ways } from './libraries.mjs'
import { person } from './person.mjs'

const BACK = 'http://localhost:9999/back'
const BYE = 'http://localhost:9999/bye'
const SCOPE = 'openid profile email admin'
const attributes = {
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [BACK],
  post_logout_redirect_uris: [BYE],
}

const ada = await person(process.env.ADMIN_SET_UP_LINK)
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))

/** What a client asks for, and what it must remember until its person is back. */
const request = async (library, more) => {
  const verifier = library.generateRandomCodeVerifier?.() ?? library.randomPKCECodeVerifier()
  const challenge = library.calculatePKCECodeChallenge
  const [state, nonce] = [crypto.randomUUID(), crypto.randomUUID()]
  const params = { redirect_uri: BACK, scope: SCOPE, state, nonce, ...more }
  return { verifier, state, nonce, params: { ...params, code_challenge: await challenge(verifier), code_challenge_method: 'S256' } }
}

const byOauth4webapi = async ({ id, low, signedBy }, pushed) => {
  const client = { client_id: id, id_token_signed_response_alg: signedBy }
  const { verifier, state, nonce, params } = await request(oauth, { client_id: id, response_type: 'code' })
  let asked = params
  if (pushed) {
    const response = await oauth.pushedAuthorizationRequest(server, client, low, params, insecure)
    const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, response)
    asked = { client_id: id, request_uri }
  }
  const back = await ada.go(`${server.authorization_endpoint}?${new URLSearchParams(asked)}`)
  const answer = oauth.validateAuthResponse(server, client, back, state)
  const redeem = () => oauth.authorizationCodeGrantRequest(server, client, low, answer, BACK, verifier, insecure)
  const response = await redeem()
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(server, response, insecure)
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  assert.deepEqual(claims.amr, ['pwd'])
  const info = await oauth.userInfoRequest(server, client, tokens.access_token, insecure)
  assert.equal((await oauth.processUserInfoResponse(server, client, claims.sub, info)).name, 'owner')
  assert.ok(await isGood(tokens.access_token))

  const again = await oauth.refreshTokenGrantRequest(server, client, low, tokens.refresh_token, insecure)
  const second = await oauth.processRefreshTokenResponse(server, client, again)
  assert.notEqual(second.refresh_token, tokens.refresh_token)
  await assert.rejects(oauth.processAuthorizationCodeResponse(server, client, await redeem()), { error: 'invalid_grant' })
  assert.ok(!(await isGood(second.access_token)), 'a code that was shown twice ends all that came of it')
}

/** A client of `openid-client`, which verifies the signature of ID tokens too. */
const configure = async ({ id, high, signedBy }) => {
  const config = await openid.discovery(issuer, id, { id_token_signed_response_alg: signedBy }, high, discovered)
  openid.enableNonRepudiationChecks(config)
  return config
}

const byOpenidClient = async (way, { pushed = false, ...more }) => {
  const config = await configure(way)
  const { verifier, state, nonce, params } = await request(openid, more)
  const build = pushed ? openid.buildAuthorizationUrlWithPAR : openid.buildAuthorizationUrl
  const back = await ada.go(await build(config, params))
  assert.equal(back instanceof Request, more.response_mode === 'form_post')
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  const tokens = await openid.authorizationCodeGrant(config, back, checks)
  const { sub } = tokens.claims()
  assert.equal((await openid.fetchUserInfo(config, tokens.access_token, sub)).sub, sub)
  const second = await openid.refreshTokenGrant(config, tokens.refresh_token)
  assert.ok(await isGood(second.access_token))
  assert.equal(second.claims().sub, sub)
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant', status: 400 })
  assert.ok(!(await isGood(second.access_token)), 'a refresh token that was shown twice ends the grant')
}

const signsOut = async (way) => {
  const config = await configure(way)
  const { verifier, state, nonce, params } = await request(openid, {})
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }
  const tokens = await openid.authorizationCodeGrant(config, await ada.go(openid.buildAuthorizationUrl(config, params)), checks)
  const out = { id_token_hint: tokens.id_token, post_logout_redirect_uri: BYE, state: 'bye' }
  const place = await ada.go(openid.buildEndSessionUrl(config, out))
  assert.equal(place.href, `${BYE}?state=bye`)
  assert.ok(!(await ada.isSignedIn()))
  assert.ok(!(await isGood(tokens.access_token)))
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
}

const refusals = async (way) => {
  const config = await configure(way)
  const { state, nonce, params } = await request(openid, {})
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: state, expectedNonce: nonce }
  const back = await ada.go(openid.buildAuthorizationUrl(config, params))
  await assert.rejects(openid.authorizationCodeGrant(config, back, checks), { error: 'invalid_grant', status: 400 })
  const silent = await ada.go(openid.buildAuthorizationUrl(config, { ...params, prompt: 'none' }))
  await assert.rejects(openid.authorizationCodeGrant(config, silent, checks), { error: 'consent_required' })
  await assert.rejects(openid.buildAuthorizationUrlWithPAR(config, { ...params, scope: 'everything' }), { error: 'invalid_scope' })
}

const open = await register('open', { ...attributes, token_endpoint_auth_method: 'none' })
const all = [
  { name: 'a public client', id: open.id, signedBy: 'RS256', low: oauth.None(), high: openid.None() },
  ...(await ways(attributes)),
]
for (const way of all) {
  await step(`${way.name}, oauth4webapi`, () => byOauth4webapi(way, false))
  await step(`${way.name}, oauth4webapi, pushed`, () => byOauth4webapi(way, true))
  await step(`${way.name}, openid-client`, () => byOpenidClient(way, {}))
  await step(`${way.name}, openid-client, pushed`, () => byOpenidClient(way, { pushed: true }))
  await step(`${way.name}, openid-client, posted back`, () => byOpenidClient(way, { response_mode: 'form_post' }))
  await step(`${way.name}, openid-client, out`, () => signsOut(way))
}
await step('refusals', () => refusals(all[0]))
assert.equal(server.issuer, ADMIN_URL)
end()
