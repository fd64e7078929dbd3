// Every queue, fed with generated messages: each ends acked or as a dead letter with a reason, no consumer gets stuck, and the
// next good order completes. FUZZ_SEED and FUZZ_COUNT choose which and how many; `npm run fuzz` sets them.

import { eventually } from '@orders/shared/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { failedMessages } from '../support/dead-letters.ts'
import { settled, underWay } from '../support/metrics.ts'
import { wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'
import { consumedQueues, deadLettersOf, type Shell, shellsFor, timerQueues } from './messages.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 1)
const COUNT = Number(process.env.FUZZ_COUNT ?? 30)

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  // A timer waits behind those before it: with the usual deadline the generated ones would take a quarter of an hour.
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { PAYMENT_CONFIRM_WITHIN_MS: '1000' } })
  await system.post('/orders', { orderId: 'known', user: 'ann', items: ['item1', 'item2'] })
  await system.ended('known')
  await wholeStory(system, 'known')
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

async function feed(queue: string, shells: Shell[]): Promise<void> {
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const { body, options } of shells) channel.publish('', queue, body, options)
    await channel.waitForConfirms()
  })
}

/** How often each queue's deliveries came to an end, tries that only wait for the next one left out. */
async function ends(): Promise<Record<string, Record<string, number>>> {
  const byQueue: Record<string, Record<string, number>> = {}
  for (const [key, count] of Object.entries(await settled(system))) {
    const [queue = '', outcome = ''] = key.split(' ')
    byQueue[queue] = { ...byQueue[queue], [outcome]: count }
  }
  return byQueue
}

const endsOf = ({ retry: _, ...outcomes }: Record<string, number> = {}) =>
  Object.values(outcomes).reduce((sum, count) => sum + count, 0)

it(`whatever lies in a queue is settled, with a reason where it is refused (seed ${SEED}, ${COUNT} messages a queue)`, async () => {
  const before = await ends()
  for (const queue of consumedQueues) await feed(queue, fc.sample(shellsFor(queue), { seed: SEED, numRuns: COUNT }))
  // A timer's message that would not expire would wait for ever, and only the service itself sends there.
  for (const queue of timerQueues) {
    const shells = fc.sample(shellsFor(queue), { seed: SEED, numRuns: COUNT })
    await feed(
      queue,
      shells.map(({ body, options }) => ({ body, options: { ...options, expiration: '1' } })),
    )
  }

  await eventually(
    'every message has been settled, and what waited has come back',
    async () => {
      const now = await ends()
      const isWhole = consumedQueues.every((queue) => endsOf(now[queue]) - endsOf(before[queue]) >= COUNT)
      const waiting = Object.keys(await vhost.waiting())
      return isWhole && waiting.length === 0 && (await underWay(system)) === 0
    },
    120_000,
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify({ now: await ends(), waiting: await vhost.waiting() })}`)
  })

  const now = await ends()
  console.log(consumedQueues.map((queue) => `${queue}  ${JSON.stringify(now[queue])}`).join('\n'))
  for (const queue of consumedQueues) {
    const filter = `queue=${deadLettersOf(queue)}`
    const { count } = await system.get<{ count: number }>(`/failed/count?${filter}`, 'audit')
    expect(count, queue).toBe(now[queue]?.dead_letter ?? 0)
    const found = await failedMessages(system, filter)
    expect(found.filter(({ code, reason }) => !/^[A-Za-z_]+$/.test(code) || reason === '')).toEqual([])
  }

  // Nothing here is a fault of the outside world: what is tried again, or fails in the database, is a fault of ours.
  const noProviders = 'these channels have no provider, only a stand-in: nobody receives their messages'
  // On a machine that is busy with garbage, what follows may take longer than it should.
  const overdue = 'events are overdue: GET /audit/gaps lists the orders'
  const expected = new Set(['dead letter', 'gave up', noProviders, overdue])
  for (const service of serviceNames) {
    const lines = await system.log(service)
    expect(lines.filter(({ msg, level }) => level >= 40 && !expected.has(msg))).toEqual([])
  }
}, 300_000)

it('and then the next order completes, is told about, and is kept', async () => {
  await system.post('/orders', { orderId: 'after-queues', user: 'ann', items: ['item2'] })
  expect(await system.ended('after-queues')).toMatchObject({ status: 'completed' })
  const story = await wholeStory(system, 'after-queues')
  // News that a later one made needless before its turn counts as told.
  expect(story.entries.filter(({ type }) => /^notification\.(sent|superseded)$/.test(type))).toHaveLength(4)
})
