// A real browser, Debian's Chromium, and what is demanded of every page that it shows: axe finds nothing, nothing is cut
// off on a narrow screen, nothing is refused by the page's own policy, and the console stays silent.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { ADMIN_NODE_MODULES, ADMIN_SCREENSHOTS, ADMIN_CHROMIUM = '/usr/bin/chromium' } = process.env
const require = createRequire(`${ADMIN_NODE_MODULES}/`)
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** A narrow screen is that of WCAG 1.4.10: 320 pixels. */
const SCREENS = { wide: { width: 1280, height: 800 }, narrow: { width: 320, height: 640 } }
/**
 * What the console may say. Chromium reports each page that comes with a status of 4xx: whoever expects one looks at it
 * himself. And that a field was filled before the page had put the focus there.
 */
const EXPECTED = [
  /^error: Failed to load resource: the server responded with a status of 4\d\d/,
  /^info: Autofocus processing was blocked because a document already has a focused element/,
]
/** Within which anything on a page must happen, in milliseconds. */
const PATIENCE = 60_000

/** Chromium without a window, with an empty profile that is gone afterwards. */
export const launch = () =>
  chromium.launch({ executablePath: ADMIN_CHROMIUM, chromiumSandbox: false, args: FLAGS, timeout: PATIENCE })

/** Runs `visit(page, context)` in a browser of its own: no cookies, these settings. What the console says fails it. */
export const visit = async (browser, settings, run) => {
  const context = await browser.newContext({ viewport: SCREENS.wide, locale: 'en-GB', ...settings })
  context.setDefaultTimeout(PATIENCE)
  const said = []
  context.on('console', (message) => said.push(`${message.type()}: ${message.text()} (${message.location().url})`))
  context.on('weberror', (error) => said.push(`not caught: ${error.error().message}`))
  const page = await context.newPage()
  try {
    await run(page, context)
  } catch (error) {
    const seen = `at ${page.url()}: ${(await page.innerText('body')).slice(0, 500)}\nthe console: ${said.join('\n')}`
    throw new Error(seen, { cause: error })
  }
  const faults = said.filter((line) => !EXPECTED.some((expected) => expected.test(line)))
  assert.deepEqual(faults, [], 'the console')
  await context.close()
}

/** Holds a page against all that is demanded, in light and dark, on a wide and a narrow screen. */
export const inspect = async (page, name, { exclude = [] } = {}) => {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    for (const [width, viewport] of Object.entries(SCREENS)) {
      await page.setViewportSize(viewport)
      const what = `${name}, ${colorScheme}, ${width}`
      if (ADMIN_SCREENSHOTS) {
        await page.screenshot({ path: join(ADMIN_SCREENSHOTS, `${what.toLowerCase().replaceAll(/[^a-z]+/g, '-')}.png`), fullPage: true })
      }
      await holds(page, what, exclude)
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(SCREENS.wide)
}

const holds = async (page, what, exclude) => {
  await page.evaluate(axe)
  const { violations, passes } = await page.evaluate(
    ([values, exclude]) => window.axe.run({ exclude }, { runOnly: { type: 'tag', values } }),
    [RULES, exclude.map((selector) => [selector])],
  )
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
  assert.deepEqual(told, [], `axe, ${what}`)
  assert.ok(passes.length > 5, `axe looked at ${passes.length} rules alone: ${what}`)
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.ok(beyond <= 0, `${beyond} pixels are beyond the edge: ${what}`)
}
