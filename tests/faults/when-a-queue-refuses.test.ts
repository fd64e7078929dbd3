// One queue refuses what it is told: it is full, by a policy of the broker, and its service does not run. Everybody else goes on as
// if nothing were; readiness names the route; and when it takes messages again, it gets all of them.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type Story, typesOf, wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 150

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const reasonsOf = async (service: (typeof serviceNames)[number]) => {
  const answer = await fetch(`${system.url(service)}/health/ready`)
  return answer.ok ? '' : String(((await answer.json()) as { detail: string }).detail)
}
/** Everything that was published to anybody is kept by the audit: a repetition is a delivery more. */
const heardByTheAudit = async () => {
  const text = await (await fetch(`${system.url('audit')}/metrics`)).text()
  const counts = text
    .split('\n')
    .filter((line) => line.startsWith('messages_handled_total') && line.includes('audit.queue'))
  return counts.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

it('a full queue costs nobody else anything, and gets all that it was told once it takes it', async () => {
  const initial = await stockOf(system)
  await system.terminate('notification')
  const definition = {
    pattern: '^notification\\.queue$',
    definition: { 'max-length': 1 },
    'apply-to': 'queues',
    priority: 1,
  }
  await vhost.api('PUT', 'policies/full', definition)
  const forms = Array.from({ length: ORDERS }, (_, number) => orderForm('full', number))
  const before = await heardByTheAudit()
  await placeAll(system, forms)
  const orders = await endedAll(
    system,
    forms.map(({ orderId }) => orderId),
    60_000,
  )
  expect(await reasonsOf('order')).toMatch(/'order\.exchange order\.\w+' is refused, \d+ messages wait in the outbox/)
  // It says nothing that customers are told.
  expect(await reasonsOf('shipping')).toBe('')
  // Each event once, but for the tries of a few routes: the notifications' own are not among them.
  const heard = (await heardByTheAudit()) - before
  const events = await eventually('the audit has all of them', async () => {
    const stories = await Promise.all(
      forms.map(({ orderId }) => system.get<Partial<Story>>(`/audit/orders/${orderId}`, 'audit')),
    )
    const isEnded = ({ ended }: Partial<Story>) => typeof ended === 'string'
    return stories.every(isEnded) && stories.reduce((sum, { entries = [] }) => sum + entries.length, 0)
  })
  expect(heard - events).toBeLessThan(ORDERS)

  await vhost.api('DELETE', 'policies/full')
  await system.start('notification')
  for (const { orderId } of forms.slice(0, 10)) {
    const told = await eventually(
      'the customer is told',
      async () => {
        const types = typesOf(await wholeStory(system, orderId))
        return (
          (types['notification.sent'] ?? 0) > 0 &&
          (types['notification.sent'] ?? 0) + (types['notification.superseded'] ?? 0) >=
            (types['notification.requested'] ?? 0) &&
          types
        )
      },
      90_000,
    )
    expect(told).toHaveProperty('order.created')
  }
  await eventually(
    'every service is ready',
    async () => (await Promise.all(serviceNames.map(reasonsOf))).every((why) => why === ''),
    60_000,
  )
  await eventually('nothing waits', async () => Object.keys(await vhost.waiting()).length === 0, 60_000)
  await expectAgreement(system, orders, initial)
}, 300_000)
