// The mails that a running system sends, as docs/mails holds them, opened in a browser as a mail program shows them: accessible on a
// phone and on a desk, in light and dark; and a screen reader says what the text part says. Then the preference centre that they link to.
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Choice, ways } from '../../notification-service/preference-centre/choices.ts'
import { centrePages } from '../../notification-service/preference-centre/page.ts'
import { readTemplateFiles } from '../../notification-service/rendering/template-files.ts'
import { root } from '../architecture/source.ts'
import { findingsInEveryForm, launchBrowser, openPage, overflowOf, takePicture, type Watched } from './browser.ts'

const FOLDER = join(root, 'docs', 'mails')
const names = readdirSync(FOLDER).flatMap((name) => (name.endsWith('.html') ? [name.slice(0, -'.html'.length)] : []))
const DESK = { width: 800, height: 740 }

/** A mail program has its own; a mail is an article in it. */
const LANDMARKS = /^(region|landmark-one-main): /

let browser: Browser
let watched: Watched
beforeAll(async () => {
  browser = await launchBrowser()
  watched = await openPage(browser, { viewport: DESK })
})
afterAll(() => browser?.close())

/** Blanks that do not break are blanks to whoever listens. */
const asRead = (text: string) => text.replace(/\s+/gu, ' ')

/** Every amount, and the order. */
function factsIn(text: string): string[] {
  const amounts = /(?:€|EUR )\s?\d[\d.,]*\d|\d[\d.,]*\d\s?(?:€|EUR)/gu
  return [...new Set([...text.matchAll(amounts), ...text.matchAll(/\bW-\d+\b/g)].map(([found]) => asRead(found)))]
}

it('there are mails to look at', () => {
  expect(names.length).toBeGreaterThan(15)
})

describe.each(names)('%s', (name) => {
  it('is sound, and says aloud what its text says: the order, the prices and the total', async () => {
    const { page, complaints } = watched
    await page.goto(pathToFileURL(join(FOLDER, `${name}.html`)).href)
    const facts = factsIn(await readFile(join(FOLDER, `${name}.txt`), 'utf8'))
    expect(facts).toContainEqual(expect.stringMatching(/^W-\d+$/))
    const spoken = asRead(await page.locator('body').ariaSnapshot())
    expect(facts.filter((fact) => !spoken.includes(fact))).toEqual([])
    const findings = await findingsInEveryForm(page)
    expect(findings.filter((one) => !LANDMARKS.test(one))).toEqual([])
    expect(complaints).toEqual([])
  })
})

it('the preference centre is accessible in every form', async () => {
  const { page, complaints } = watched
  const { categories, centre } = centrePages(readTemplateFiles(join(root, 'notification-service', 'templates')))
  const choices = categories.flatMap((category) => ways.map((way): Choice => ({ category, way, isOn: true })))
  await page.setContent(centre({ category: 'newsletter', locale: undefined, choices }))
  expect(await findingsInEveryForm(page)).toEqual([])
  expect(complaints).toEqual([])
  await page.setViewportSize({ width: 560, height: 400 })
  await takePicture(page, 'mails/preference-centre')
})

it.each([
  { name: 'plain.order.created', picture: 'order.created', width: 700, fullPage: true, colorScheme: 'light' as const },
  {
    name: 'deutsch.order.shipped',
    picture: 'order.shipped.dark',
    width: 375,
    fullPage: false,
    colorScheme: 'dark' as const,
  },
])(
  '$name is as wide as its window, for the picture in the docs',
  async ({ name, picture, width, fullPage, colorScheme }) => {
    const { page } = watched
    await page.setViewportSize({ width, height: 400 })
    await page.emulateMedia({ colorScheme })
    await page.goto(pathToFileURL(join(FOLDER, `${name}.html`)).href)
    expect(await overflowOf(page)).toBe(0)
    await takePicture(page, `mails/${picture}`, { fullPage })
  },
)
