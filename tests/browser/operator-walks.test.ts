// An operator's walks through the console of a system that really runs: an order is found and its story read; orders that a purged
// queue lost are found on the first page, and said again by two clicks.
import { eventually } from '@orders/shared/testing'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'
import { findingsInEveryForm, launchBrowser, openPage, takePicture, type Watched } from './browser.ts'

let vhost: Vhost
let system: System
let browser: Browser
let watched: Watched

beforeAll(async () => {
  browser = await launchBrowser()
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { AUDIT_GAP_AFTER_MS: '1000' } })
  await placeAll(system, [
    { orderId: '123', user: 'gayal', items: ['item1', 'item2'], contact: { email: 'gayal@example.com' } },
  ])
  const shop = Array.from({ length: 12 }, (_, number) => orderForm('shop', number))
  await placeAndEnd(shop)
  for (const orderId of ['123', ...shop.map((form) => form.orderId)]) await wholeStory(system, orderId)
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await system?.stop()
  await vhost?.remove()
}, 60_000)
beforeEach(async () => {
  watched = await openPage(browser)
})
afterEach(async () => {
  await watched.close()
  expect(watched.complaints).toEqual([])
})

async function placeAndEnd(forms: ReturnType<typeof orderForm>[]): Promise<void> {
  await placeAll(system, forms)
  await endedAll(
    system,
    forms.map(({ orderId }) => orderId),
    45_000,
  )
}

const PATIENCE = { timeout: 45_000 }

it('an order is found by its id, and its story is read, down to a message whose personal data is masked', async () => {
  const { page } = watched
  await page.goto(system.url('audit'))
  await page.getByLabel('Order id').first().fill('123')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Order 123' }).waitFor()
  await page.getByText('Every expected event has followed.').waitFor(PATIENCE)
  const story = page.getByRole('list', { name: 'What happened' })
  const told = await story.innerText()
  for (const sentence of [
    'a customer ordered 2 lines',
    'payment charged the customer',
    'the parcel reached the customer',
  ])
    expect(told).toContain(sentence)
  await page.getByRole('table').filter({ hasText: 'order.shipped' }).getByText('sent').first().waitFor()
  await takePicture(page, 'console-order')

  await story.getByText('a customer ordered 2 lines').click()
  const body = story.getByLabel('Content')
  await body.waitFor()
  expect(await body.innerText()).toContain('"item1"')
  expect(await body.innerText()).not.toContain('gayal')
  await story.getByRole('button', { name: 'Show personal data …' }).click()
  const form = story.getByRole('form', { name: 'Show it' })
  await form.getByLabel('Your name').fill('ada')
  await form.getByLabel('Reason, for the record').fill('she asks where it is')
  await form.getByRole('button', { name: 'Show it' }).click()
  await body.getByText('gayal@example.com').waitFor()
  expect(await findingsInEveryForm(page)).toEqual([])
})

it('orders are found by the beginning of their id, by their customer, and by what happened to them', async () => {
  const { page } = watched
  await page.goto(`${system.url('audit')}/#/orders`)
  const find = async (text: string, type: string) => {
    await page.getByLabel('Order id, start of an id, or customer').fill(text)
    await page.getByLabel('What happened').selectOption(type)
    await page.getByRole('button', { name: 'Find' }).click()
  }
  await find('shop-', 'order.created')
  await page.getByText('12 orders found').waitFor()
  await find('gayal', 'order.created')
  await page.getByText('1 order found').waitFor()
  await page.getByRole('cell', { name: '123', exact: true }).waitFor()
  await find('', 'inventory.out_of_stock')
  await page.getByRole('cell', { name: 'shop-2', exact: true }).waitFor()
  expect(await page.getByLabel('What happened').inputValue()).toBe('inventory.out_of_stock')
})

it('what happens is drawn as it happens, and who says it to whom', async () => {
  const { page } = watched
  await page.goto(`${system.url('audit')}/#/live`)
  await page.locator('.plot canvas').first().waitFor()
  await page.getByText('The same as a table').click()
  const row = page.getByRole('row', { name: /^order inventory/ })
  const before = Number((await row.getByRole('cell').last().innerText()).replace(',', ''))
  await placeAndEnd(Array.from({ length: 30 }, (_, number) => orderForm('live', number * 10)))
  await eventually('they are counted', async () => Number(await row.getByRole('cell').last().innerText()) > before)
  await page.getByText('The same as a table').click()
  await takePicture(page, 'console-live', { fullPage: true })
  expect(await findingsInEveryForm(page)).toEqual([])
})

it('orders that a purged queue lost are found on the first page, and said again by two clicks and a reason', async () => {
  await system.kill('payment')
  const forms = Array.from({ length: 20 }, (_, number) => orderForm('lost', number * 10))
  await placeAll(system, forms)
  await eventually('all wait for payment', async () => ((await vhost.waiting())['payment.queue'] ?? 0) >= forms.length)
  await withChannel(vhost.amqpUrl, async (channel) => channel.purgeQueue('payment.queue'))
  await system.start('payment')

  const { page } = watched
  await page.goto(system.url('audit'))
  const stuck = page.getByRole('region', { name: 'Stuck orders' })
  const lost = stuck.getByRole('article').filter({ hasText: 'inventory.reserved was not followed' })
  await lost.getByText('20 ×').waitFor(PATIENCE)
  await page.getByRole('heading', { level: 1, name: /overdue/ }).waitFor()
  await lost.getByText('Which orders').click()
  await lost.getByRole('link', { name: 'lost-0', exact: true }).waitFor()
  await takePicture(page, 'console')
  expect(await findingsInEveryForm(page)).toEqual([])

  await lost.getByRole('button', { name: 'Publish again …' }).click()
  await lost.getByLabel('Your name').fill('ada')
  await lost.getByLabel('Reason, for the record').fill('payment.queue was purged')
  await lost.getByRole('button', { name: 'Publish 20 events again' }).click()
  await endedAll(
    system,
    forms.map(({ orderId }) => orderId),
    45_000,
  )
  await page.getByRole('heading', { level: 1, name: 'All is well.' }).waitFor(PATIENCE)
})
