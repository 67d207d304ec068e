// People on Admin's pages in a real browser: with a mouse and without, in light and dark, in two languages, with scripts
// and without. ADMIN_SET_UP_LINK is the one-time link of the owner.
import assert from 'node:assert/strict'
import { ADMIN_URL, end, isGood, register, step } from './admin.mjs'
import { app } from './app.mjs'
import { inspect, launch, visit } from './browser.mjs'

const EMAIL = 'ada@example.org'
const PASSWORD = 'a long good password'
const at = (path) => `${ADMIN_URL}${path}`

const browser = await launch()

const signIn = async (page, { email = EMAIL, password = PASSWORD, button = 'Sign in' } = {}) => {
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.getByRole('button', { name: button, exact: true }).click()
}
/** Runs `go` in a browser in which the owner is signed in. */
const signedIn = (settings, go) =>
  visit(browser, settings, async (page, context) => {
    await page.goto(at('/sign-in'))
    await signIn(page)
    await page.waitForURL(at('/account'))
    await go(page, context)
  })

await step('the one-time link makes an account', () =>
  visit(browser, {}, async (page, context) => {
    await page.goto(process.env.ADMIN_SET_UP_LINK)
    await inspect(page, 'set-up')
    const setUp = { button: 'Set up my account' }
    await signIn(page, { ...setUp, password: 'password1234' })
    await page.getByRole('alert').filter({ hasText: 'many people have' }).waitFor()
    await inspect(page, 'set-up, a bad password')
    await signIn(page, setUp)
    await page.waitForURL(at('/account'))
    await page.getByRole('heading', { name: 'owner' }).waitFor()
    await inspect(page, 'account')
    const [cookie] = await context.cookies()
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, 'Lax'])
    assert.equal(await page.evaluate(() => document.cookie), '')
  }))

await step('a spent link says what to do', () =>
  visit(browser, {}, async (page) => {
    await page.goto(process.env.ADMIN_SET_UP_LINK)
    await page.getByRole('alert').filter({ hasText: 'Ask for a new one' }).waitFor()
    await inspect(page, 'a spent link')
  }))

await step('a wrong password, the right one, and out again', () =>
  visit(browser, {}, async (page, context) => {
    await page.goto(at('/account'))
    await page.waitForURL(at('/sign-in'))
    await inspect(page, 'sign-in')
    await signIn(page, { password: 'another good password' })
    await page.getByRole('alert').filter({ hasText: 'The address or the password is wrong.' }).waitFor()
    assert.deepEqual([await page.inputValue('#email'), await page.inputValue('#password')], [EMAIL, ''])
    await inspect(page, 'sign-in, a wrong password')
    await signIn(page)
    await page.waitForURL(at('/account'))
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(at('/sign-in'))
    assert.deepEqual(await context.cookies(), [])
    await page.goBack()
    await page.waitForURL(at('/sign-in'))
    assert.ok(!(await page.content()).includes('usr_'), 'the page of the session is in no cache')
  }))

await step('a program of others asks for consent', () =>
  visit(browser, {}, async (page) => {
    const shop = await app('Shop of others', {})
    await page.goto(shop.ask())
    await page.getByText('Shop of others').waitFor()
    await inspect(page, 'sign-in, to go on to a program')
    await signIn(page)
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor()
    await inspect(page, 'consent')
    await page.getByRole('button', { name: 'Do not allow' }).click()
    assert.equal((await shop.visit(page)).params.error, 'access_denied')
    await page.goto(shop.ask())
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    const { access_token: token } = await shop.redeem(await shop.visit(page))
    assert.ok(await isGood(token))
    await shop.close()
  }))

await step('an answer by a form sends itself', () =>
  signedIn({}, async (page) => {
    const shop = await app('Shop', { first_party: true })
    await page.goto(shop.ask({ response_mode: 'form_post' }))
    const { method, params } = await shop.visit(page)
    assert.deepEqual([method, !!params.code, params.iss], ['POST', true, ADMIN_URL])
    await shop.close()
  }))

await step('a program signs its person out', () =>
  signedIn({}, async (page) => {
    const shop = await app('Shop', { first_party: true })
    await page.goto(shop.ask())
    const { id_token: hint } = await shop.redeem(await shop.visit(page))
    await page.goto(at('/oauth/logout'))
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor()
    await inspect(page, 'sign-out')
    await page.goto(shop.out(hint))
    assert.equal((await shop.visit(page)).params.state, 'bye')
    await page.goto(at('/account'))
    await page.waitForURL(at('/sign-in'))
    await shop.close()
  }))

await step('what leads nowhere says why', () =>
  visit(browser, {}, async (page) => {
    await page.goto(at('/oauth/authorize'))
    await page.getByRole('alert').waitFor()
    await inspect(page, 'nowhere')
  }))

await step('the API reference calls the API as whoever is signed in', () =>
  visit(browser, {}, async (page) => {
    await page.goto(at('/reference'))
    await page.waitForURL(at('/sign-in?next=/reference'))
    await signIn(page)
    await page.waitForURL(at('/reference'))
    await page.locator('#operations-resources-list_resources button').first().click()
    // What is in #swagger is Swagger UI's own.
    await inspect(page, 'reference', { exclude: ['#swagger'] })
    await page.getByRole('button', { name: 'Try it out' }).click()
    await page.getByRole('button', { name: 'Execute' }).click()
    const status = page.locator('.live-responses-table .response-col_status').last()
    await status.filter({ hasText: '200' }).waitFor()
    // What an operation refers to, and what that refers to, is there.
    const create = page.locator('#operations-resources-create_resource')
    await create.locator('button').first().click()
    await create.locator('.opblock-section-request-body .body-param__example').filter({ hasText: '"attributes"' }).waitFor()
    assert.equal(await page.locator('.errors-wrapper').count(), 0)
  }))

await step('a keyboard is enough', () =>
  visit(browser, {}, async (page) => {
    const press = async (...keys) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    /** What has the focus; it must be seen to. */
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document
        const { outlineStyle, outlineWidth } = getComputedStyle(element)
        const seen = outlineStyle === 'solid' && parseInt(outlineWidth) >= 2
        return `${element.textContent.trim() || element.id}${seen ? '' : ', not to be seen'}`
      })
    await page.goto(at('/sign-in'))
    assert.equal(await focused(), 'email')
    await page.keyboard.type(EMAIL)
    await press('Tab')
    assert.equal(await focused(), 'password')
    await page.keyboard.type(PASSWORD)
    await press('Enter')
    await page.waitForURL(at('/account'))
    const shop = await app('Keys', {})
    await page.goto(shop.ask())
    await press('Tab')
    assert.equal(await focused(), 'Allow')
    await press('Enter')
    assert.ok((await shop.visit(page)).params.code)
    await shop.close()
    await page.goto(at('/account'))
    const tabbed = []
    while (tabbed.at(-1) !== 'Sign out') {
      assert.ok(tabbed.length < 20, `Tab does not come to "Sign out": ${tabbed}`)
      await press('Tab')
      tabbed.push(await focused())
    }
    assert.ok(tabbed.includes('API reference') && !tabbed.some((what) => what.includes('not to be seen')), `${tabbed}`)
    await press('Enter')
    await page.waitForURL(at('/sign-in'))
  }))

await step('a reader of German reads German', () =>
  visit(browser, { locale: 'de-DE' }, async (page) => {
    const isGerman = async () => assert.equal(await page.getAttribute('html', 'lang'), 'de')
    const shop = await app('Laden', {})
    await page.goto(shop.ask())
    await isGerman()
    await inspect(page, 'Anmelden')
    await signIn(page, { password: 'ein falsches Passwort', button: 'Anmelden' })
    await page.getByRole('alert').filter({ hasText: 'Adresse oder Passwort stimmen nicht.' }).waitFor()
    await signIn(page, { button: 'Anmelden' })
    await page.getByRole('heading', { name: 'Zugriff erlauben?' }).waitFor()
    await isGerman()
    await inspect(page, 'Zugriff erlauben')
    await page.getByRole('button', { name: 'Erlauben', exact: true }).click()
    assert.ok((await shop.visit(page)).params.code)
    await page.goto(at('/account'))
    await page.getByText('Sie sind angemeldet.').waitFor()
    await inspect(page, 'Konto')
    await shop.close()
  }))

await step('an account is looked after', () =>
  signedIn({}, async (page) => {
    for (const [link, heading] of [
      ['Your organizations', 'Your organizations'],
      ['Where you are signed in', 'Where you are signed in'],
      ['Change password', 'Change password'],
      ['Change address', 'Change address'],
    ]) {
      await page.goto(at('/account'))
      await page.getByRole('link', { name: link }).click()
      await page.getByRole('heading', { name: heading }).waitFor()
      await inspect(page, heading)
    }
    await page.goto(at('/account/password'))
    await page.fill('#old', 'another good password')
    await page.fill('#password', 'yet another good password')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByRole('alert').waitFor()
    await inspect(page, 'Change password, the wrong one')
    await signedIn({}, async (other) => {
      await page.goto(at('/account/sessions'))
      await page.getByRole('button', { name: /^Sign out: Chrome, Linux/ }).first().click()
      await page.waitForURL(at('/account/sessions'))
      await page.getByRole('button', { name: 'Sign out everywhere' }).click()
      await page.waitForURL(at('/sign-in'))
      await other.goto(at('/account'))
      await other.waitForURL(at('/sign-in'))
    })
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByText('No mail can be sent from here.').waitFor()
    await inspect(page, 'Forgot your password?')
  }))

await step('pages are dark where everything is', async () => {
  const brightness = async (colorScheme) => {
    let sum
    await visit(browser, { colorScheme }, async (page) => {
      await page.goto(at('/sign-in'))
      const color = await page.evaluate(() => getComputedStyle(document.querySelector('main')).backgroundColor)
      sum = color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)
    })
    return sum
  }
  assert.ok((await brightness('light')) > 600 && (await brightness('dark')) < 150)
})

await step('scripts are not needed', () =>
  signedIn({ javaScriptEnabled: false }, async (page) => {
    const shop = await app('Plain', {})
    await page.goto(shop.ask({ response_mode: 'form_post' }))
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    await page.getByRole('button', { name: 'Go on' }).click()
    const { method, params } = await shop.visit(page)
    assert.deepEqual([method, !!params.code], ['POST', true])
    await page.goto(at('/oauth/logout'))
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(at('/sign-in'))
    await shop.close()
  }))

await step('a page of another site signs nobody out', () =>
  signedIn({}, async (page) => {
    const evil = await app('Evil', {})
    evil.serve(`<form method="post" action="${at('/sign-out')}"><button>Win</button></form>`)
    // 127.0.0.1 and localhost are two sites.
    await page.goto(evil.home.replace('127.0.0.1', 'localhost'))
    await page.getByRole('button', { name: 'Win' }).click()
    await page.getByRole('alert').filter({ hasText: 'another site' }).waitFor()
    await page.goto(at('/account'))
    await page.getByText('You are signed in.').waitFor()
    await evil.close()
  }))

await browser.close()
end()
