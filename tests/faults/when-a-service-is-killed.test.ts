// kill -9 of any one service while 200 orders are under way, then its restart: every order ends, nothing is doubled.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { CLAIMS_END_WITHIN_MS, wholeStory } from '../support/story.ts'
import { type OrderView, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 200

let vhost: Vhost
let mail: MailServer
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  mail = await startMailServer()
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { SMTP_URL: mail.url } })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await vhost?.remove()
}, 60_000)

it.each(serviceNames)(
  '%s-service comes back and every order ends, with stock, charges and mails in agreement',
  async (victim) => {
    const initial = await stockOf(system)
    const forms = Array.from({ length: ORDERS }, (_, number) => orderForm(victim, number))
    const placing = placeAll(system, forms)
    // In the middle: some orders have ended, most are under way, some are not even placed.
    await eventually('the first orders have been placed', async () => (await known(forms[40]?.orderId ?? '')) === 200)
    await system.kill(victim)
    await system.start(victim)
    await placing
    const orders = await endedAll(
      system,
      forms.map(({ orderId }) => orderId),
      60_000,
    )

    const completed = orders.filter(({ status }) => status === 'completed')
    expect(completed).toHaveLength(completedOf(forms))
    for (const { orderId } of orders) await wholeStory(system, orderId)
    const isDrained = async () => Object.keys(await vhost.waiting()).length === 0
    await eventually('no message waits anywhere', isDrained, CLAIMS_END_WITHIN_MS)
    await expectAgreement(system, orders, initial)
    await expectMails(
      orders.map(({ orderId, status }) => ({ orderId, status })),
      victim,
    )
  },
  120_000,
)

async function known(orderId: string): Promise<number> {
  return fetch(`${system.url('order')}/orders/${orderId}`).then(
    ({ status }) => status,
    () => 0,
  )
}

/** Each mail once; only the notification-service that was killed may have sent what it had not recorded yet again. */
async function expectMails(orders: Pick<OrderView, 'orderId' | 'status'>[], victim: string): Promise<void> {
  // Of what was cancelled the confirmation may have been needless before it was sent.
  const wanted = orders.flatMap(({ orderId, status }) => [
    ...(status === 'cancelled' ? [] : [`${orderId}.order.created`]),
    `${orderId}.order.${status}`,
  ])
  const times = (id: string) => mail.accepted.get(`<${id}.email@orders.example>`) ?? 0
  await eventually('every mail was taken', () => wanted.every((id) => times(id) > 0), CLAIMS_END_WITHIN_MS)
  const twice = wanted.filter((id) => times(id) > 1)
  if (victim === 'notification') expect(twice.length).toBeLessThanOrEqual(32)
  else expect(twice).toEqual([])
}
