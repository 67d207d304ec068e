// What people look after in their account, in a real browser: orgs, sessions, password, address, devices.
// ADMIN_SET_UP_LINK is the one-time link of the owner.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, post, register, step } from './admin.mjs'
import { inspect, launch, visit } from './browser.mjs'

const EMAIL = 'ada@example.org'
const [PASSWORD, ANOTHER] = ['a long good password', 'another good password']
const at = (path) => `${ADMIN_URL}${path}`

const browser = await launch()

/** Runs `go` in a browser in which the owner is signed in. */
const signedIn = (password, go) =>
  visit(browser, {}, async (page, context) => {
    await page.goto(at('/sign-in'))
    await page.getByLabel('Email').fill(EMAIL)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(at('/account'))
    await go(page, context)
  })

await step('an account leads to all that it has', () =>
  visit(browser, {}, async (page) => {
    await page.goto(process.env.ADMIN_SET_UP_LINK)
    await page.getByLabel('Email').fill(EMAIL)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Set up my account' }).click()
    await page.waitForURL(at('/account'))
    await inspect(page, 'account')
    const links = await page.getByRole('navigation').getByRole('link').all()
    assert.ok(links.length >= 4, `${links.length} links`)
    const places = await Promise.all(links.map((link) => link.getAttribute('href')))
    for (const place of places.filter((place) => place.startsWith('/account/'))) {
      await page.goto(at(place))
      await page.getByRole('heading', { level: 1 }).waitFor()
      await inspect(page, place)
      await page.getByRole('main').getByRole('link', { name: 'Account', exact: true }).click()
      await page.waitForURL(at('/account'))
    }
  }))

await step('a session is ended from another', () =>
  signedIn(PASSWORD, (page) =>
    signedIn(PASSWORD, async (other) => {
      await page.goto(at('/account/sessions'))
      await page.getByText('this browser').waitFor()
      await inspect(page, 'sessions')
      const ends = page.getByRole('listitem').getByRole('button', { name: 'Sign out' })
      for (let left = await ends.count(); left > 0; left -= 1) {
        await ends.first().click()
        await page.waitForFunction((left) => document.querySelectorAll('li button').length < left, left)
      }
      await other.goto(at('/account'))
      await other.waitForURL(at('/sign-in'))
      await page.goto(at('/account'))
      await page.getByText('You are signed in.').waitFor()
    }),
  ))

await step('a password is changed', () =>
  signedIn(PASSWORD, async (page) => {
    const change = async (old) => {
      await page.locator('#old').fill(old)
      await page.locator('#password').fill(ANOTHER)
      await page.getByRole('main').getByRole('button').click()
    }
    await page.goto(at('/account/password'))
    await change('not the old password')
    await page.getByRole('alert').waitFor()
    await inspect(page, 'password, a wrong one')
    await change(PASSWORD)
    await page.getByRole('status').waitFor()
    await inspect(page, 'password changed')
    await page.getByRole('link', { name: 'Go on' }).click()
    await page.waitForURL(at('/account'))
  }))

await step('the old one signs nobody in, and who forgot it is told what to do', () =>
  visit(browser, {}, async (page) => {
    await page.goto(at('/sign-in'))
    await page.getByLabel('Email').fill(EMAIL)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await page.goto(at('/reset-password'))
    await inspect(page, 'forgotten')
  }))

await step('a device is let in by its code', () =>
  signedIn(ANOTHER, async (page) => {
    const { id } = await register('Television', {
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    })
    const form = new URLSearchParams({ client_id: id, scope: 'openid' })
    const response = await fetch(at('/oauth/device_authorization'), { method: 'POST', body: form })
    const { user_code: code } = await response.json()
    await page.goto(at('/device'))
    await inspect(page, 'device')
    await page.getByLabel('Code').fill('BBBB-BBBB')
    await page.getByRole('main').getByRole('button').click()
    await page.getByRole('alert').waitFor()
    await inspect(page, 'device, a wrong code')
    await page.getByLabel('Code').fill(code)
    await page.getByRole('main').getByRole('button').click()
    await page.getByText('Television').waitFor()
    await inspect(page, 'device, confirm')
    await page.locator('button[value=allow]').click()
    await page.getByRole('heading', { name: 'The device is in' }).waitFor()
    await inspect(page, 'device, done')
  }))

await browser.close()
end()
