// Messages of webhooks as receivers see them: the library of Standard Webhooks, and what Node itself has of ed25519.
// ADMIN_MESSAGES has the messages, and what each is verified with.
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { end, load, step } from './admin.mjs'

const { Webhook, WebhookVerificationError } = await load('standardwebhooks')
const messages = JSON.parse(process.env.ADMIN_MESSAGES)

const refused = (secret, body, headers) =>
  assert.throws(() => new Webhook(secret).verify(body, headers), WebhookVerificationError)

/** The signatures `v1a`, by the public key alone (RFC 8032). */
const verifiedBy = (publicKey, body, headers) => {
  const x = Buffer.from(publicKey.replace('whpk_', ''), 'base64').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
  const signatures = headers['webhook-signature'].split(' ').filter((one) => one.startsWith('v1a,'))
  return signatures.some((one) => verify(null, signed, key, Buffer.from(one.slice(4), 'base64')))
}

assert.ok(messages.length > 0)
for (const { headers, body, secrets, public_key: publicKey } of messages) {
  await step(`a message with ${headers['webhook-signature'].split(' ').length} signatures`, () => {
    assert.ok(secrets.length > 0)
    for (const secret of secrets) {
      assert.ok(new Webhook(secret).verify(body, headers).type)
      refused(secret, `${body} `, headers)
      refused(secret, body, { ...headers, 'webhook-id': 'evt_other' })
    }
    refused('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', body, headers)
    if (publicKey) {
      assert.ok(verifiedBy(publicKey, body, headers))
      assert.ok(!verifiedBy(publicKey, `${body} `, headers))
    }
  })
}
end()
