// The mails that a running system sends, as docs/mails holds them, opened in a browser as a mail program shows them: sound on a phone
// and on a desk, by day and by night; and who has them read aloud hears what the text says.
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../architecture/source.ts'
import { findingsInEveryForm, launchBrowser, openPage, type Watched } from './browser.ts'

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
