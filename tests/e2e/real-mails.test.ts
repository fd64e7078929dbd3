// The mails in docs/mails are those that running orders really send: one order of each kind goes its way, and its mails are taken
// from the mail folder. `npm run mails` writes them anew.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from '../architecture/source.ts'
import { placeWhilePriceChanges } from '../support/prices.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const DOCS = join(root, 'docs', 'mails')
const address = 'Gayal Perera\nLindengasse 12/4\n1070 Vienna\nAustria'
const usual = { user: 'gayal', name: 'Gayal Perera', shippingAddress: address }
const english = { email: 'gayal@example.com', locale: 'en-GB' }
const german = { email: 'gayal@example.com', locale: 'de-AT' }
const items = [{ sku: 'item1', quantity: 4 }, 'item2']
const big = [{ sku: 'item10', quantity: 11 }]

/** By kind, what is placed; and what the customer or an operator does. */
const orders: Record<string, { order: object; isCancelled?: boolean; isRepriced?: boolean }> = {
  plain: { order: { items, contact: english } },
  deutsch: { order: { items, contact: german } },
  sold_out: { order: { items: ['item1', 'soldout'], contact: english } },
  declined: { order: { items, contact: english, paymentMethod: 'tok_declined' } },
  unconfirmed: { order: { items: big, contact: english } },
  regretted: { order: { items: big, contact: english }, isCancelled: true },
  not_served: { order: { items, contact: english, shippingAddress: 'Nowhere 1' } },
  gateway_down: { order: { items, contact: english, paymentMethod: 'tok_gateway_down' } },
  repriced: { order: { items: ['item9'], contact: english, expectedTotalCents: 9_000 }, isRepriced: true },
}

const kinds = Object.keys(orders)
const idOf = (kind: string) => `W-${1001 + kinds.indexOf(kind)}`

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  const environment = {
    TIME_ZONE: 'Europe/Vienna',
    ORDER_URL: 'https://shop.example/orders/{orderId}',
    PAYMENT_URL: 'https://shop.example/orders/{orderId}/pay',
    MAIL_FROM: 'Shop <orders@shop.example>',
    MAIL_REPLY_TO: 'help@shop.example',
    MAIL_IMPRINT: 'Shop Ltd\\n1 High Street, London\\nCompany 123456',
    PAYMENT_CONFIRM_WITHIN_MS: '20000',
    PAYMENT_PATIENCE_MS: '4000',
    REMINDERS_AFTER_MS: '500',
    FOLLOW_UPS_AFTER_MS: '500',
  }
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

it('are what is really sent', async () => {
  const placed = Object.entries(orders).map(([kind, { order, ...rest }]) => ({
    ...rest,
    form: { ...usual, orderId: idOf(kind), ...order },
  }))
  for (const { form } of placed.filter(({ isRepriced }) => isRepriced))
    await placeWhilePriceChanges({ system, vhost }, form, { sku: 'item9', unitPriceCents: 9_500 })
  for (const { form } of placed.filter(({ isRepriced }) => !isRepriced))
    expect((await system.post('/orders', form)).status).toBe(202)
  await Promise.all(Object.entries(orders).map(([kind, { isCancelled }]) => isCancelled && cancelled(idOf(kind))))
  for (const orderId of kinds.map(idOf)) {
    await system.ended(orderId, 60_000)
    await wholeStory(system, orderId)
  }
  const followUps = ['plain', 'deutsch'].map((kind) => `${idOf(kind)}.follow_up.1.eml`)
  await expect.poll(mails, { timeout: 30_000 }).toEqual(expect.arrayContaining(followUps))

  const written: string[] = []
  for (const name of await mails()) {
    const mail = await PostalMime.parse(await readFile(join(system.dataDir, 'mail', name)))
    const [, orderId = '', news = ''] = /^([^.]+)\.(.+)\.eml$/.exec(name) ?? []
    const kind = kinds.find((one) => idOf(one) === orderId) ?? ''
    // Every order has a confirmation and so on: one of each is enough, but for why an order is cancelled.
    const isOne = kind === 'plain' || kind === 'deutsch' || /cancelled|confirmation|reminder|refunded/.test(news)
    if (!isOne || (kind === 'regretted' && news !== 'order.cancelled')) continue
    const lines = [`From: ${mail.from?.address}`, `Reply-To: ${mail.replyTo?.[0]?.address}`, `Subject: ${mail.subject}`]
    written.push(`${kind}.${news}`)
    await expect(settled(`${lines.join('\n')}\n\n${mail.text}`)).toMatchFileSnapshot(join(DOCS, `${kind}.${news}.txt`))
    await expect(settledHtml(mail.html ?? '')).toMatchFileSnapshot(join(DOCS, `${kind}.${news}.html`))
  }
  // What is not sent any more is to be removed by hand.
  const kept = (await readdir(DOCS))
    .filter((name) => name.endsWith('.txt'))
    .map((name) => name.slice(0, -'.txt'.length))
  expect(kept.filter((name) => !written.includes(name))).toEqual([])
}, 180_000)

const mails = async () => (await readdir(join(system.dataDir, 'mail'))).filter((name) => name.endsWith('.eml')).sort()

async function cancelled(orderId: string): Promise<void> {
  await expect.poll(async () => (await system.order(orderId)).status, { timeout: 30_000 }).toBe('awaiting_confirmation')
  expect((await system.post(`/orders/${orderId}/cancel`, {})).status).toBe(202)
}

/** With the one thing that is another at each run: the deadline. */
function settled(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/\d{1,2} \w+ 20\d\d at\s\d\d:\d\d CES?T/g, '21 November 2026 at 19:30 CET')
}

/** Where a line of HTML ends depends on what stands before it: here it ends before a row. */
function settledHtml(html: string): string {
  return settled(html.replace(/\s+/g, ' ')).replace(/ ?(<(?:style|body|table|tr|td|th)\b)/g, '\n$1')
}
