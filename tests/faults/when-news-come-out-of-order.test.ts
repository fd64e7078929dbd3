// Sixty orders of each kind at once, while notification-service is killed, mails are refused for now and for good, and every dead letter
// is sent again, under each rule that holds news back: no customer reads anything after what it came before, nor two ends of one order.
// Read from the mails that the mail server took, as a customer reads them.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMailServer } from '../../notification-service/test/mail-server.ts'
import { sendAgain } from '../support/dead-letters.ts'
import { placeAll } from '../support/load.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const OF_EACH_KIND = 60
/** Of item10 three cost more than may be charged without the customer's word. */
const DEAR = [{ sku: 'item10', quantity: 3 }]
const kinds: Record<string, { ends: string[]; order?: object; asked?: 'cancel' | 'payment/confirm' }> = {
  fine: { ends: ['completed'] },
  hurried: { ends: ['completed'], order: { priority: 'express' } },
  confirmed: { ends: ['completed', 'cancelled'], order: { items: DEAR }, asked: 'payment/confirm' },
  unconfirmed: { ends: ['cancelled'], order: { items: DEAR } },
  refused: { ends: ['cancelled'], order: { shippingAddress: 'Nowhere 1' } },
  declined: { ends: ['cancelled'], order: { paymentMethod: 'tok_declined' } },
  soldout: { ends: ['cancelled'], order: { items: ['item1', 'soldout'] } },
  regretted: { ends: ['completed', 'cancelled'], asked: 'cancel' },
}

/** By what stands in a mail's subject, or in a digest as the title of a piece of news; in the order in which they may be read. */
const NEWS: [RegExp, step: number][] = [
  [/We have your order ([a-z]+-\d+)/g, 1],
  [/Please confirm your payment for order ([a-z]+-\d+)/g, 2],
  [/Your order ([a-z]+-\d+) is waiting for your confirmation/g, 3],
  [/Order ([a-z]+-\d+) is paid/g, 4],
  [/Order ([a-z]+-\d+) is on its way/g, 5],
  [/Order ([a-z]+-\d+) has arrived/g, 6],
  [/Order ([a-z]+-\d+) is cancelled/g, 6],
  [/ for order ([a-z]+-\d+) is refunded/g, 7],
]
const END = 6

/** Longer than quiet hours, a claim of a killed process and the waits after a refusal together. */
const TOLD_WITHIN_MS = 240_000
const clock = (fromNowMs: number) => new Date(Date.now() + fromNowMs).toISOString().slice(11, 16)

const settings: [string, () => Record<string, string>][] = [
  ['without any rule', () => ({})],
  ['in quiet hours', () => ({ QUIET_HOURS: `${clock(-3_600_000)}-${clock(60_000)}`, TIME_ZONE: 'UTC' })],
  ['with digests', () => ({ DIGEST_CATEGORIES: 'order', DIGEST_SECONDS: '2' })],
  ['with a throttle', () => ({ THROTTLE_TRANSACTIONAL: 'true', THROTTLE_MAX: '60', THROTTLE_SECONDS: '1' })],
]

describe.each(settings)('%s', (_, rulesOf) => {
  let vhost: Vhost
  let system: System
  let mail: Awaited<ReturnType<typeof startMailServer>>

  beforeAll(async () => {
    vhost = await createVhost()
    mail = await startMailServer()
    const rules = {
      RELEASE_POLL_MS: '100',
      CONTACT_ADDRESSES_PER_HOUR: '0',
      CONTACT_ORDERS_PER_HOUR: '0',
      ...rulesOf(),
    }
    const confirmation = { PAYMENT_CONFIRM_ABOVE_CENTS: '20000', PAYMENT_CONFIRM_WITHIN_MS: '5000' }
    const environment = { SMTP_URL: mail.url, ...confirmation, ...rules }
    system = await startSystem({ amqpUrl: vhost.amqpUrl, environment })
    await system.post('/stock/item10/adjustments', { difference: 10_000, reason: 'enough' }, 'inventory')
  }, 120_000)

  afterAll(async () => {
    await system?.stop()
    await mail?.close()
    await vhost?.remove()
  }, 60_000)

  it('news of an order are read in their order, and its end by everybody', async () => {
    const ids = Array.from({ length: OF_EACH_KIND }, (_, index) =>
      Object.keys(kinds).map((kind) => `${kind}-${index}`),
    ).flat()
    const kindOf = (orderId: string) => kinds[orderId.slice(0, orderId.indexOf('-'))] ?? { ends: [] }
    const place = async (orderId: string) => {
      const { order, asked } = kindOf(orderId)
      await placeAll(system, [{ orderId, user: 'a', items: ['item1'], ...order }], 1)
      // Its payment is known a moment later.
      if (asked)
        await eventually(`${orderId} is asked for more`, async () => {
          const { status } = await system.post(`/orders/${orderId}/${asked}`, {})
          return status !== 404 && status < 500
        })
    }
    const waiting = [...ids]
    const placeSome = async () => {
      for (let orderId = waiting.shift(); orderId !== undefined; orderId = waiting.shift()) await place(orderId)
    }
    // Some are refused for now and tried again, some for good: those are dead letters.
    mail.refuse('recipient', ...Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 451 : 554)))
    mail.refuseAbout(/^Order refused-\d+ is cancelled/, 10)
    const placing = Promise.all(Array.from({ length: 16 }, placeSome))
    const isHalfWay = () => waiting.length < ids.length / 2
    await Promise.race([placing, eventually('half of the orders are placed', isHalfWay, TOLD_WITHIN_MS)])
    await system.kill('notification')
    await system.start('notification')
    // From the beginning: what follows a dead letter waits for it for a minute.
    const isToldOfAll = async () => {
      await sendAgain(system, 'notification.email.dlq')
      const told = tellingsIn(mail.accepted)
      return ids.every((orderId) => told.get(orderId)?.includes(END)) && told
    }
    const toldOfAll = eventually('every end is told', isToldOfAll, 2 * TOLD_WITHIN_MS)
    // Told below, to whoever waits for it.
    toldOfAll.catch(() => undefined)
    await placing
    const orders = await Promise.all(ids.map((orderId) => system.ended(orderId, TOLD_WITHIN_MS)))
    for (const { orderId, status } of orders) expect(kindOf(orderId).ends, orderId).toContain(status)

    await toldOfAll
    await eventually('no message waits', async () => Object.keys(await vhost.waiting()).length === 0, TOLD_WITHIN_MS)

    const told = tellingsIn(mail.accepted)
    for (const { orderId, status } of orders) {
      // What a killed process had sent and not recorded is sent again, and was read before.
      const steps = [...new Set(told.get(orderId))]
      expect({ orderId, steps }).toEqual({ orderId, steps: steps.toSorted((one, other) => one - other) })
      const ends = endsIn(mail.accepted, orderId)
      expect({ orderId, ends }).toEqual({ orderId, ends: [status] })
    }
  }, 600_000)
})

type Accepted = Awaited<ReturnType<typeof startMailServer>>['accepted']

/** What a mail tells: a digest lists its news, any other says it in its subject. */
const wordsOf = ({ mail: { subject = '', text = '' } }: Accepted[number]) => (/ more\)$/.test(subject) ? text : subject)

/** The steps of each order in the order in which they were read. */
function tellingsIn(accepted: Accepted): Map<string, number[]> {
  const told = new Map<string, number[]>()
  for (const words of accepted.map(wordsOf)) {
    const read = NEWS.flatMap(([pattern, step]) =>
      [...words.matchAll(pattern)].map(({ index, 1: orderId = '' }) => ({ index, orderId, step })),
    )
    for (const { orderId, step } of read.toSorted((one, other) => one.index - other.index))
      told.set(orderId, [...(told.get(orderId) ?? []), step])
  }
  return told
}

function endsIn(accepted: Accepted, orderId: string): string[] {
  const said = accepted.map(wordsOf)
  const isSaid = (words: string) => said.some((one) => new RegExp(`Order ${orderId} ${words}(?![0-9])`).test(one))
  return [...(isSaid('has arrived') ? ['completed'] : []), ...(isSaid('is cancelled') ? ['cancelled'] : [])]
}
