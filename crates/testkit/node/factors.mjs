// Second factors on Admin's pages in a real browser, with an authenticator that Chromium simulates (WebDriver extension of
// Web Authentication). ADMIN_SET_UP_LINK is the one-time link of the owner.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { ADMIN_URL, end, step } from './admin.mjs'
import { inspect, launch, visit } from './browser.mjs'

const EMAIL = 'ada@example.org'
const PASSWORD = 'a long good password'
// An IP address is no host of passkeys.
const HERE = ADMIN_URL.replace('127.0.0.1', 'localhost')
const at = (path) => `${HERE}${path}`

const browser = await launch()

/** The passkeys, with how often each has signed: an authenticator that counts anew would pass for a copy. */
let keys = []

/** An authenticator that recognises whoever is there. */
const authenticator = async (page, context) => {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true }
  const simulated = { ...options, isUserVerified: true, automaticPresenceSimulation: true }
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: simulated })
  for (const credential of keys) await cdp.send('WebAuthn.addCredential', { authenticatorId, credential })
  const verified = (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  const keep = async () => (keys = (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials)
  return { verified, keep }
}

const password = async (page) => {
  await page.fill('#email', EMAIL)
  await page.fill('#password', PASSWORD)
  await page.locator('#password-form button').click()
}

/** The code that an app shows, some steps of 30 seconds from now. */
const code = (secret, steps = 0) => {
  const bits = [...secret.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const time = Buffer.alloc(8)
  time.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const tag = createHmac('sha1', key).update(time).digest()
  return String((tag.readUInt32BE(tag[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

let secret = ''

await step('a passkey is added, and recovery codes come with it', () =>
  visit(browser, {}, async (page, context) => {
    const { keep } = await authenticator(page, context)
    await page.goto(process.env.ADMIN_SET_UP_LINK.replace('127.0.0.1', 'localhost'))
    await page.fill('#email', EMAIL)
    await page.fill('#password', PASSWORD)
    await page.getByRole('button', { name: 'Set up my account' }).click()
    await page.getByRole('link', { name: 'Security' }).click()
    await page.waitForURL(at('/account/security'))
    await inspect(page, 'security, nothing yet')
    await page.getByLabel('Name of the passkey').fill('Laptop')
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page.getByRole('heading', { name: 'Recovery codes' }).waitFor()
    assert.equal(await page.locator('#recovery-codes li').count(), 10)
    await inspect(page, 'recovery codes')
    await page.getByRole('link', { name: 'I have kept them' }).click()
    await page.getByText('Laptop').waitFor()
    await inspect(page, 'security, a passkey')
    await keep()
    assert.deepEqual(keys.map((key) => [key.isResidentCredential, key.rpId]), [[true, 'localhost']])
  }))

await step('an app is added by its picture', () =>
  visit(browser, {}, async (page, context) => {
    const { keep } = await authenticator(page, context)
    // A browser that offers nothing by itself.
    await page.addInitScript(() => delete PublicKeyCredential.isConditionalMediationAvailable)
    await page.goto(at('/sign-in'))
    await inspect(page, 'sign-in by a passkey')
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.waitForURL(at('/account'))
    await keep()
    await page.goto(at('/account/security'))
    await page.getByRole('button', { name: 'Add an authenticator app' }).click()
    await page.getByRole('img', { name: 'QR code for the app' }).waitFor()
    secret = await page.innerText('#totp-secret')
    await inspect(page, 'an app')
    await page.getByRole('textbox', { name: 'Code' }).fill('000')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('alert').filter({ hasText: 'The code is wrong' }).waitFor()
    await page.getByRole('textbox', { name: 'Code' }).fill(code(secret))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.waitForURL(at('/account/security'))
    await inspect(page, 'security, everything')
  }))

await step('the browser offers passkeys before anything is typed', () =>
  visit(browser, {}, async (page, context) => {
    const { keep } = await authenticator(page, context)
    await page.goto(at('/sign-in'))
    // A simulated person takes what is offered.
    await page.waitForURL(at('/account'))
    await keep()
  }))

await step('a passkey is the second step, and what it refuses is told', () =>
  visit(browser, {}, async (page, context) => {
    await page.goto(at('/sign-in'))
    await password(page)
    await page.waitForURL(at('/sign-in/second?next=%2Faccount'))
    await inspect(page, 'second step')
    const { verified } = await authenticator(page, context)
    await verified(false)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.getByRole('alert').filter({ hasText: 'The passkey did not work' }).waitFor()
    await verified(true)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.waitForURL(at('/account'))
  }))

await step('a code is the second step, without scripts and in German', () =>
  visit(browser, { javaScriptEnabled: false, locale: 'de-DE' }, async (page) => {
    await page.goto(at('/sign-in'))
    assert.equal(await page.getByRole('button', { name: 'Mit Passkey anmelden' }).count(), 0)
    await password(page)
    await page.getByRole('heading', { name: 'Zweiter Schritt' }).waitFor()
    await page.getByLabel('Code', { exact: true }).fill(code(secret, 1))
    await page.locator('#code-form button').click()
    await page.waitForURL(at('/account'))
    await page.goto(at('/account/security'))
    await page.getByRole('button', { name: 'Entfernen: Laptop' }).click()
    await page.waitForURL(at('/account/security'))
    assert.equal(await page.getByText('Laptop').count(), 0)
  }))

await step('at an IP address the page says where passkeys work', () =>
  visit(browser, {}, async (page) => {
    await page.goto(`${ADMIN_URL}/sign-in`)
    await password(page)
    await page.waitForURL(`${ADMIN_URL}/sign-in/second?next=%2Faccount`)
    assert.equal(await page.getByRole('button', { name: 'Use a passkey' }).count(), 0)
  }))

await browser.close()
end()
