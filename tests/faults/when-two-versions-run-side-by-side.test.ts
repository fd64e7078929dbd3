// An upgrade from the last release, back, and again, service by service under load: the new process of a service is there before the
// old one stops, so that both versions share its queues and tables, and the release runs on what today's version has migrated.

import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { failedMessages, sendAgain } from '../support/dead-letters.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { buildLastRelease, type Release } from '../support/release.ts'
import { wholeStory } from '../support/story.ts'
import { prepareSystem, type ServiceName, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

/** While one service is replaced, and how many of them complete. */
const ORDERS = 10
const COMPLETED = 7
const placed: string[] = []
const refused: unknown[] = []

let release: Release
let vhost: Vhost
let released: System
let today: System
let initial: Awaited<ReturnType<typeof stockOf>>

beforeAll(async () => {
  release = await buildLastRelease()
  vhost = await createVhost()
  const { amqpUrl } = vhost
  released = await startSystem({ amqpUrl, servicesDir: release.servicesDir, services: release.services })
  // Of another version, on the same data. The release reads nothing that is encrypted, so nothing is until it is gone.
  const environment = { ENCRYPT_PERSONAL: 'false' }
  today = await prepareSystem({ amqpUrl, dataDir: released.dataDir, environment })
  initial = await stockOf(released)
}, 120_000)

afterAll(async () => {
  await Promise.all([today?.stop(), released?.stop()])
  await vhost?.remove()
  await release?.remove()
}, 60_000)

it('services are upgraded one after the other', () => replaceAll('up', released, today, release.services), 120_000)

it(
  'and go back to the release, in another order',
  () => replaceAll('back', today, released, release.services.toReversed()),
  120_000,
)

it('and are upgraded again: no request was refused, and every order ended with its whole story', async () => {
  await replaceAll('again', released, today, release.services)
  for (const service of serviceNames) if (!release.services.includes(service)) await today.start(service)
  const orders = await endedAll(today, placed, 60_000)
  expect(refused).toEqual([])
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength((placed.length / ORDERS) * COMPLETED)
  // The release gave up what its queues hear only since then: it keeps nothing for a successor (decision 30).
  for (const queue of ['notification.dlq', 'order.dlq', 'inventory.dlq']) await sendAgain(today, queue)
  for (const orderId of placed) await wholeStory(today, orderId)
  await expectAgreement(today, orders, initial)
}, 180_000)

it('then nothing is left in any queue, dead letters included, nor in any row', async () => {
  await eventually('no message is left', async () => Object.keys(await vhost.waiting()).length === 0)
  expect(await failedMessages(today)).toEqual([])
  for (const service of serviceNames) expect(await today.get('/retries', service)).toMatchObject({ retries: [] })
})

/** The newcomer is ready before the other one stops. */
async function replaceAll(name: string, from: System, to: System, services: readonly ServiceName[]): Promise<void> {
  for (const service of services) {
    const forms = Array.from({ length: ORDERS }, (_, number) => orderForm(`${name}-${service}`, number))
    placed.push(...forms.map(({ orderId }) => orderId))
    const placing = placeAll(anyOf(to, from), forms, 2)
    await to.start(service)
    expect(await from.terminate(service)).toBe(0)
    await placing
  }
}

/** Whoever asks goes to the other process when one does not answer; an answer counts, whoever gives it. */
function anyOf(first: System, second: System): System {
  return {
    ...first,
    async post(path, body) {
      const answer = await first.post(path, body).catch(() => second.post(path, body))
      if (answer.status !== 202) refused.push(answer)
      return answer
    },
  }
}
