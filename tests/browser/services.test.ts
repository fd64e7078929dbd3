// An operator sees which services are away or not ready, looks at what waits in one, and finds who did what.
import { deferred } from '@orders/shared/runtime'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { findingsOn, launchBrowser, openPage, overflowOf, PHONE, takePicture, type Watched } from './browser.ts'
import { type FakeAudit, startFakeAudit } from './fake-audit.ts'
import { troubled } from './fake-services.ts'

let browser: Browser
let audit: FakeAudit
let watched: Watched

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  audit = await startFakeAudit()
  troubled(audit.services)
  watched = await openPage(browser)
})
afterEach(async () => {
  await watched.close()
  await audit.close()
  expect(watched.complaints).toEqual([])
})

const TROUBLE = /^Payment does not answer, shipping is not ready, email is unavailable, 30 messages failed/

it('the first page says who does not answer, who is not ready, whom they leave alone, and what to do', async () => {
  const { page } = watched
  await page.goto(audit.url)
  await page.getByRole('heading', { level: 1, name: TROUBLE }).waitFor()
  const region = page.getByRole('region', { name: 'Services' })
  const away = region.getByRole('article').filter({ hasText: 'does not answer' })
  expect(await away.innerText()).toMatch(/payment[\s\S]*no answer[\s\S]*last report[\s\S]*Start payment-service/)
  expect(await region.getByRole('article').filter({ hasText: 'not ready' }).innerText()).toContain('disk is full')
  expect(await region.innerText()).toContain('calls to email are stopped')
  const retries = page.getByRole('region', { name: 'Retries' })
  await retries.getByText('2 messages will be tried again').waitFor()
  expect(await retries.innerText()).toMatch(/failed: 451 the mail server is being mended[\s\S]*Mend what this names/)
  expect(await findingsOn(page)).toEqual([])
})

it('the first page does not wait for a service that does not answer', async () => {
  const { page } = watched
  const answered = deferred<void>()
  await page.route('**/operations/services', async (route) => {
    await answered.promise
    await route.continue()
  })
  await page.goto(audit.url)
  await page.getByRole('heading', { level: 1, name: /^30 messages failed/ }).waitFor()
  await page.getByRole('region', { name: 'Services' }).getByText('Asking each of them').waitFor()
  expect(await findingsOn(page)).toEqual([])
  answered.resolve()
  await page.getByRole('heading', { level: 1, name: TROUBLE }).waitFor()
})

it('messages that no running version can handle are a fault, with what to do', async () => {
  const { page } = watched
  const found = audit.services.find(({ service }) => service === 'inventory-service')
  found?.retries.push({ type: 'order.created', count: 31, oldest: '2026-11-02T03:12:00.000Z', unknown: 30 })
  await page.goto(audit.url)
  await page.getByRole('heading', { level: 1, name: /30 messages wait for a newer version of inventory/ }).waitFor()
  await page.getByText('30 of them have a type or version that this inventory-service does not know.').waitFor()
  expect(await findingsOn(page)).toEqual([])
})

it('what waits is found by the keyboard alone, hastened with a name and a reason, and on record', async () => {
  const { page } = watched
  await page.goto(audit.url)
  await page.getByRole('link', { name: /Review the retries of notification-service/ }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Retries of notification-service' }).waitFor()
  await page.getByText('connect ECONNREFUSED').first().waitFor()
  await page.getByRole('button', { name: 'Hasten …' }).first().focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction("document.activeElement.name === 'reason'")
  await page.keyboard.type('the mail server is back')
  const form = page.getByRole('form', { name: 'Try it now' })
  await form.getByLabel('Your name').fill('ada')
  // The page is drawn anew with each answer, and leaves what somebody types alone.
  await page.waitForResponse(/\/retries/)
  await page.waitForResponse(/\/retries/)
  expect(await form.getByLabel('Your name').inputValue()).toBe('ada')
  expect(await findingsOn(page)).toEqual([])
  await form.getByRole('button', { name: 'Try it now' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('order-1').waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'order-2' }).waitFor()
  await page.getByRole('link', { name: 'Actions' }).click()
  const row = page.getByRole('row', { name: /ada/ })
  expect(await row.innerText()).toMatch(/hasten\s+the mail server is back\s+retry 0+1/)
  expect(await findingsOn(page)).toEqual([])
})

it('all that wait of one type are hastened at once, each on record', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/services/notification-service/retries`)
  await page.getByRole('button', { name: 'Hasten all notification.requested …' }).click()
  const form = page.getByRole('form', { name: 'Try them now' })
  await form.getByLabel('Your name').fill('ada')
  await form.getByLabel('Reason, for the record').fill('the mail server is back')
  expect(await findingsOn(page)).toEqual([])
  await form.getByRole('button', { name: 'Try them now' }).click()
  await page.getByText('No message waits for a retry.').waitFor()
  await page.getByText('2 messages hastened.').waitFor()
  await page.getByRole('link', { name: 'Actions' }).click()
  await page.getByRole('row', { name: /ada/ }).nth(1).waitFor()
})

it('the first page says whether an event that was not followed waits somewhere, or was lost', async () => {
  const { page } = watched
  const stuck = page.getByRole('region', { name: 'Stuck orders' })
  audit.hop.hop = 'inventory.reserved → payment.success'
  Object.assign(audit.hop, { status: 'missing', failed: 0, areAllFailed: false, nextStep: 'POST /audit/gaps/resay' })
  await page.goto(audit.url)
  await stuck.getByText('No retry and no queue that backs up has it, so it seems lost').waitFor()
  audit.services
    .find(({ service }) => service === 'payment-service')
    ?.retries.push({
      ...{ type: 'inventory.reserved', count: 3, oldest: '2026-11-02T03:12:00.000Z' },
    })
  await stuck.getByText('It may be one of those that wait under Retries').waitFor()
  const ofPayment = audit.queues.queues.find(({ queue }) => queue === 'payment.queue')
  if (ofPayment) ofPayment.backsUp = 'no_consumer'
  await stuck.getByText('It may wait in payment.queue, which backs up').waitFor()
  audit.queues.why = 'it does not answer'
  if (ofPayment) ofPayment.backsUp = null
  await stuck.getByText('If it waits under Retries or in a queue of payment, it is not lost.').waitFor()
})

it.each([{ colorScheme: 'dark' as const }, { colorScheme: 'dark' as const, viewport: PHONE }])(
  'their page is sound where much is wrong: %j',
  async (terms) => {
    const other = await openPage(browser, terms)
    try {
      for (const [path, name] of [
        ['#/services', 'Services'],
        ['#/', TROUBLE],
      ] as const) {
        await other.page.goto(`${audit.url}/${path}`)
        await other.page.getByRole('heading', { level: 1, name }).waitFor()
        await other.page.getByText('disk is full').first().waitFor()
        expect(await findingsOn(other.page)).toEqual([])
        expect(await overflowOf(other.page)).toBe(0)
      }
      expect(other.complaints).toEqual([])
    } finally {
      await other.close()
    }
  },
)

it('all of them stand on one page, and a picture is taken of it', async () => {
  const { page } = watched
  await page.goto(`${audit.url}/#/services`)
  const row = page.getByRole('row', { name: /payment/ })
  await row.getByText('does not answer', { exact: true }).waitFor()
  await page.getByRole('link', { name: '2 that wait in notification-service' }).waitFor()
  await takePicture(page, 'console-services')
})

it('a message is rehearsed: that it would fail again, or what it would say, masked', async () => {
  const { page } = watched
  const [failing, mail] = ['payment-service', 'notification-service'].map((name) =>
    audit.letters.find(({ service }) => service === name),
  )
  await page.goto(`${audit.url}/#/failed/${failing?.id}`)
  await page.getByRole('button', { name: 'Rehearse' }).click()
  await page.getByText('It would fail again, with TypeError').waitFor()
  await page.getByText('Stack trace of the rehearsal').click()
  await page.getByLabel('Stack trace of the rehearsal').getByText('amountOf').waitFor()
  expect(await findingsOn(page)).toEqual([])

  await page.goto(`${audit.url}/#/failed?fingerprint=${mail?.fingerprint}`)
  await page.getByRole('button', { name: 'Rehearse one' }).click()
  await page.getByText('It would publish 77/inventory.reserved').waitFor()
  await page.getByText(/Data of inventory.reserved/).click()
  const carried = page.getByLabel('Content', { exact: true })
  await carried.waitFor()
  expect(await carried.innerText()).toContain('item1')
  expect(await carried.innerText()).not.toContain('gayal')
  expect(await findingsOn(page)).toEqual([])
})
