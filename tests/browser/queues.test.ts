// An operator sees which queue backs up, how fast it comes and goes, and what to do; and is told plainly when nobody can see it.

import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { findingsInEveryForm, launchBrowser, openPage, type Watched } from './browser.ts'
import { type FakeAudit, startFakeAudit } from './fake-audit.ts'
import { backlogIn } from './fake-services.ts'

let browser: Browser
let audit: FakeAudit
let watched: Watched

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  audit = await startFakeAudit()
  watched = await openPage(browser)
})
afterEach(async () => {
  await watched.close()
  await audit.close()
  expect(watched.complaints).toEqual([])
})

const region = () => watched.page.getByRole('region', { name: 'Queues', exact: true })

it('a queue that backs up is wrong on the first page, with its rates, its age and the next step', async () => {
  backlogIn(audit.queues)
  const { page } = watched
  await page.goto(audit.url)
  await page.getByRole('heading', { level: 1, name: /^Inventory\.queue backs up, 30 messages failed/ }).waitFor()
  const text = await region().getByRole('article').innerText()
  expect(text).toMatch(/inventory\.queue 1,250 messages, and the queue does not get shorter/)
  expect(text).toMatch(/42\/s in, 3\.3\/s out · oldest at least 3 min 10 s/)
  expect(text).toContain('look at its log')
  await region().getByText('Every queue').focus()
  await page.keyboard.press('Enter')
  const row = page.getByRole('row', { name: /^inventory\.queue/ })
  expect(await row.innerText()).toMatch(/1,250\s+64\s+1\s+42\/s\s+3\.3\/s\s+at least 3 min/)
  expect(await findingsInEveryForm(page)).toEqual([])
})

it('is marked in the picture of who says what to whom, for those who cannot see it too', async () => {
  backlogIn(audit.queues)
  const { page } = watched
  await page.goto(`${audit.url}/#/live`)
  await page.getByText('inventory.queue backs up: 1,250 messages, 42/s in, 3.3/s out').waitFor()
  expect(await page.locator('g[data-backs-up="true"] text').allTextContents()).toEqual([
    'inventory',
    '1,250 · 42/s in, 3.3/s out',
  ])
  expect(await findingsInEveryForm(page)).toEqual([])
})

it('where the management API cannot be asked, that is said, and nothing is claimed', async () => {
  Object.assign(audit.queues, { why: 'the broker’s management API at rabbit:15672: it answers 401', queues: [] })
  const { page } = watched
  await page.goto(audit.url)
  await region().getByText('audit-service cannot read the queues').waitFor()
  expect(await region().innerText()).toMatch(/Unknown[\s\S]*rabbit:15672: it answers 401/)
  expect(await findingsInEveryForm(page)).toEqual([])
})

it('while nothing waits, one line says so', async () => {
  await watched.page.goto(audit.url)
  await region().getByText('None backs up: 0 messages in').waitFor()
  expect(await region().getByRole('article').count()).toBe(0)
})
