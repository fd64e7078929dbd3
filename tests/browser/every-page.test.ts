// What holds on every page, in both themes and on a phone: axe finds nothing, nothing is wider than the window, and the browser
// has nothing to complain of.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DESKTOP, findingsOn, launchBrowser, openPage, overflowOf, PHONE, type Watched } from './browser.ts'
import { type FakeAudit, startFakeAudit } from './fake-audit.ts'
import { STUCK } from './fake-story.ts'

let browser: Browser
let audit: FakeAudit

beforeAll(async () => {
  browser = await launchBrowser()
  audit = await startFakeAudit()
})
afterAll(async () => {
  await browser?.close()
  await audit?.close()
})

const pages: { path: string; heading: string; opens?: string }[] = [
  { path: '#/', heading: '30 messages failed, 1 notification did not reach a customer.' },
  { path: '#/failed', heading: 'Failed messages' },
  { path: `#/failed?fingerprint=${'a1'.repeat(8)}`, heading: 'Failed messages', opens: 'Send all again …' },
  {
    path: `#/failed/${(100).toString(16).padStart(32, '0')}`,
    heading: 'inventory.reserved',
    opens: 'Open its body …',
  },
  { path: '#/failed/replays', heading: 'Replays' },
  { path: '#/orders', heading: 'Orders' },
  { path: '#/orders/nobody', heading: 'Order nobody' },
  { path: `#/orders/${STUCK}`, heading: `Order ${STUCK}`, opens: 'Publish again …' },
  { path: '#/services', heading: 'Services' },
  { path: '#/services/notification-service/retries', heading: 'Retries of notification-service' },
  { path: '#/actions', heading: 'Who did what' },
  { path: '#/live', heading: 'Live' },
  { path: '#/nothing/here', heading: 'There is no such page' },
]

async function isSound({ page, complaints }: Watched): Promise<void> {
  expect(await findingsOn(page)).toEqual([])
  expect(await overflowOf(page)).toBe(0)
  expect(complaints).toEqual([])
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()

describe.each([
  { theme: 'light', viewport: DESKTOP },
  { theme: 'dark', viewport: DESKTOP },
  { theme: 'light', viewport: PHONE },
  { theme: 'dark', viewport: PHONE },
] as const)('$theme, $viewport.width wide', ({ theme, viewport }) => {
  it.each(pages)('$path', async ({ path, heading: name, opens }) => {
    const watched = await openPage(browser, { colorScheme: theme, viewport })
    try {
      await watched.page.goto(`${audit.url}/${path}`)
      await heading(watched.page, name)
      await watched.page.waitForLoadState('networkidle')
      if (opens !== undefined) await watched.page.getByRole('button', { name: opens }).click()
      await isSound(watched)
    } finally {
      await watched.close()
    }
  })
})

it('an order’s time is shown span by span, each below the one that it follows from, where spans were sent', async () => {
  const watched = await openPage(browser)
  const { page } = watched
  try {
    await page.goto(`${audit.url}/#/orders/${STUCK}`)
    const table = page.getByRole('table').filter({ hasText: 'POST /orders' })
    await table.waitFor()
    const rows = await table.getByRole('row').allInnerTexts()
    expect(rows.slice(1).map((row) => row.split('\t').slice(0, 2))).toEqual([
      ['POST /orders', 'order'],
      ['commit', 'order'],
      ['send order.exchange', 'order'],
      ['process inventory.queue', 'inventory'],
      ['process payment.queue failed', 'payment'],
    ])
    await isSound(watched)
  } finally {
    await watched.close()
  }
})

it('where operators need a token it is asked for once, said to be refused, and kept until it is forgotten', async () => {
  const guarded = await startFakeAudit({ token: 'of-ada' })
  const watched = await openPage(browser)
  const { page } = watched
  try {
    await page.goto(guarded.url)
    await heading(page, 'Operators only')
    await isSound(watched)
    await page.getByLabel('Token').fill('of-nobody')
    await page.keyboard.press('Enter')
    await page.getByText('This token does not give access here').waitFor()
    await page.getByLabel('Token').fill('of-ada')
    await page.keyboard.press('Enter')
    await heading(page, '30 messages failed, 1 notification did not reach a customer.')
    await page.reload()
    await heading(page, '30 messages failed, 1 notification did not reach a customer.')
    await page.getByRole('button', { name: 'Forget token' }).click()
    await heading(page, 'Operators only')
  } finally {
    await watched.close()
    await guarded.close()
  }
})

it('nothing is said to be well while audit-service does not answer', async () => {
  const leaving = await startFakeAudit()
  const watched = await openPage(browser)
  try {
    await watched.page.goto(leaving.url)
    await heading(watched.page, '30 messages failed, 1 notification did not reach a customer.')
    await leaving.close()
    await heading(watched.page, 'State unknown.')
    await watched.page.getByText('audit-service does not answer. Trying again.').waitFor()
    await isSound(watched)
  } finally {
    await watched.close()
    await leaving.close()
  }
})

it('is used by the keyboard alone: a skip link, a key for the search, and the heading is heard after a link', async () => {
  const watched = await openPage(browser)
  const { page } = watched
  try {
    await page.goto(audit.url)
    await heading(page, '30 messages failed, 1 notification did not reach a customer.')
    await page.keyboard.press('/')
    await page.keyboard.type('nobody')
    await page.keyboard.press('Enter')
    await heading(page, 'Order nobody')
    // It takes the focus a moment after it is there.
    await page.waitForFunction("document.activeElement.textContent === 'Order nobody'")
  } finally {
    await watched.close()
  }
})
