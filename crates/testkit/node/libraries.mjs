// The libraries that others wrote, and the ways in which a client of theirs shows who it is.
import { ADMIN_URL, load, register } from './admin.mjs'

export const oauth = await load('oauth4webapi')
export const openid = await load('openid-client')

export const issuer = new URL(ADMIN_URL)
// The tests serve plain HTTP on this machine alone.
export const insecure = { [oauth.allowInsecureRequests]: true }
export const discovered = { execute: [openid.allowInsecureRequests] }

const keyTypes = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  Ed25519: { name: 'Ed25519' },
}

/** The ways in which a client shows who it is: its attributes, and what each library calls it. */
export const ways = async (attributes) => {
  const ways = []
  for (const method of ['client_secret_basic', 'client_secret_post']) {
    const basic = method === 'client_secret_basic'
    const { id, secret } = await register(method, { ...attributes, token_endpoint_auth_method: method })
    ways.push({
      name: method,
      id,
      signedBy: 'RS256',
      low: (basic ? oauth.ClientSecretBasic : oauth.ClientSecretPost)(secret),
      high: (basic ? openid.ClientSecretBasic : openid.ClientSecretPost)(secret),
    })
  }
  for (const [alg, type] of Object.entries(keyTypes)) {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(type, true, ['sign', 'verify'])
    const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', publicKey)
    const signedBy = alg === 'Ed25519' ? 'EdDSA' : alg.replace('PS', 'RS')
    const { id } = await register(alg, {
      ...attributes,
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: signedBy,
      jwks: { keys: [{ ...jwk, kid: 'one' }] },
    })
    const key = { key: privateKey, kid: 'one' }
    ways.push({ name: alg, id, signedBy, low: oauth.PrivateKeyJwt(key), high: openid.PrivateKeyJwt(key) })
  }
  return ways
}
