// Failed messages on a real broker, from every kind of queue to audit-service's store and back.
import { join } from 'node:path'
import { OrderCreated, registry } from '@orders/shared/contracts'
import { encode, toAmqp } from '@orders/shared/messaging'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Group, Replay } from '../../scripts/dead-letters/audit.ts'
import { openRawPublisher, short, u16 } from '../chaos/raw-amqp.ts'
import { failedCount, failedMessages } from '../support/dead-letters.ts'
import { prepareSystem, type System } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

const LETTERS = 20_000
const at = '2026-11-21T08:30:00.000Z'
const by = { operator: 'ann', reason: 'a test' }

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await prepareSystem({
    amqpUrl: vhost.amqpUrl,
    preload: join(import.meta.dirname, '..', 'chaos', 'preload.mjs'),
    environment: { STOCK_INITIAL_QUANTITY: '100000' },
  })
  await Promise.all([system.start('audit'), system.start('inventory')])
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const because = (code: string, changes: object = {}) => ({
  headers: { 'error-code': code, 'error-message': 'a test', 'failed-at': at, ...changes },
})
const counted = (count: number, query: string) =>
  eventually(
    `${count} are kept`,
    async () => (await system.get<{ count: number }>(`/failed/count?${query}`, 'audit')).count === count,
    120_000,
  )
const archiveAll = async (queue: string) => {
  const { count } = await system.get<{ count: number }>(`/failed/count?queue=${queue}`, 'audit')
  await system.post('/failed/archive', { ...by, filter: { queue }, expected: count }, 'audit')
}
const ended = (id: string) =>
  eventually(
    `${id} has ended`,
    async () => {
      const now = await system.get<Replay>(`/replays/${id}`, 'audit')
      return now.state !== 'running' && now
    },
    60_000,
  )

it('500 of three kinds are three causes, and their queues are empty', async () => {
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (let number = 0; number < 500; number++) {
      const kind = number < 50 ? 'undecodable' : number < 250 ? 'TypeError' : 'unavailable'
      channel.sendToQueue(number < 50 ? 'order.dlq' : 'payment.dlq', Buffer.from(String(number)), because(kind))
    }
  })
  await counted(500, 'state=waiting')
  const { groups } = await system.get<{ groups: Group[] }>('/failed/groups', 'audit')
  expect(groups.map(({ queue, code, count }) => `${count} ${queue} ${code}`)).toEqual([
    '250 payment.dlq unavailable',
    '200 payment.dlq TypeError',
    '50 order.dlq undecodable',
  ])
  expect(await vhost.waiting()).toEqual({})
  for (const queue of ['order.dlq', 'payment.dlq']) await archiveAll(queue)
})

it(`${LETTERS} are taken in while the service holds no more than a few at a time`, async () => {
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (let number = 0; number < LETTERS; number++) {
      channel.sendToQueue('shipping.dlq', Buffer.from(`{"number":${number}}`), because('unavailable'))
      if (number % 2_000 === 1_999) await channel.waitForConfirms()
    }
  })
  await counted(LETTERS, 'queue=shipping.dlq')
  expect(await vhost.waiting()).toEqual({})
  await archiveAll('shipping.dlq')
}, 180_000)

it('what no library would send, or another user has sent, is kept and can be sent again', async () => {
  const raw = await openRawPublisher(vhost.amqpUrl)
  // Flags of the properties: only a message id.
  const garbled = Buffer.concat([u16(1 << 7), short(Buffer.alloc(100, 0xff))])
  expect(await raw.publish('inventory.dlq', garbled, Buffer.from('garbled'))).toBe(true)
  raw.close()
  await withChannel(vhost.amqpUrl, async (channel) => {
    channel.sendToQueue('inventory.dlq', Buffer.from('foreign'), { userId: 'guest', headers: { CC: ['order.queue'] } })
  })
  const failed = await failedCount(system, 2)
  const ids = failed.map(({ id }) => id)
  const terms = { ...by, ids, expected: 2, canary: 2, watchMs: 0 }
  const { body } = await system.post('/replays', terms, 'audit')
  await eventually('both are back', async () => {
    const now = await failedMessages(system)
    return now.length === 2 && now.every(({ id, code }) => !ids.includes(id) && code === 'undecodable')
  })
  expect(await ended((body as Replay).id)).toMatchObject({ sent: 2 })
  await archiveAll('inventory.dlq')
})

it('a queue that is deleted is looked for, and the others are emptied meanwhile', async () => {
  await vhost.api('DELETE', 'queues/order.dlq')
  await eventually('it is said', async () => {
    const { missingQueues } = await system.get<{ missingQueues: string[] }>('/failed/groups', 'audit')
    return missingQueues[0] === 'order.dlq'
  })
  await withChannel(vhost.amqpUrl, async (channel) => channel.sendToQueue('payment.dlq', Buffer.from('others')))
  await failedCount(system, 1, 'queue=payment.dlq')
  await withChannel(vhost.amqpUrl, async (channel) => {
    const settings = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 }
    await channel.assertQueue('order.dlq', { durable: true, arguments: settings })
    channel.sendToQueue('order.dlq', Buffer.from('it is back'))
  })
  await failedCount(system, 1, 'queue=order.dlq')
  expect(await system.get('/failed/groups', 'audit')).toMatchObject({ missingQueues: [] })
  for (const queue of ['order.dlq', 'payment.dlq']) await archiveAll(queue)
})

it('a step that fails again stops the others, which wait', async () => {
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (let number = 0; number < 20; number++)
      channel.sendToQueue('inventory.dlq', Buffer.from(`no JSON ${number}`), because('undecodable'))
  })
  await counted(20, 'queue=inventory.dlq')
  const filter = { queue: 'inventory.dlq' }
  const { body } = await system.post('/replays', { ...by, filter, expected: 20, watchMs: 30_000 }, 'audit')
  expect(await ended((body as Replay).id)).toMatchObject({
    state: 'stopped',
    why: '1 of the messages sent failed again',
    position: 1,
    sent: 1,
    failedAgain: 1,
  })
  // 19 that were not sent, and the one that is back.
  await counted(20, 'queue=inventory.dlq')
  await archiveAll('inventory.dlq')
})

it('300 are sent again once each, though the service is killed again and again meanwhile', async () => {
  const letters = Array.from({ length: 300 }, (_, number) =>
    encode(
      registry,
      OrderCreated.of(`again-${number}`, at, {
        user: 'ann',
        priority: 'standard',
        lines: [{ sku: 'item1', quantity: 1 }],
      }),
      'order-service',
      {},
    ),
  )
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const { body, properties } of letters)
      channel.sendToQueue('inventory.dlq', body, {
        ...toAmqp(properties),
        persistent: true,
        headers: { ...properties.headers, ...because('unavailable').headers },
      })
  })
  await counted(300, 'queue=inventory.dlq')
  const stockBefore = await reserved()
  const terms = { ...by, filter: { queue: 'inventory.dlq' }, expected: 300, watchMs: 0, ratePerSecond: 1_000 }
  for (const [index, killAt] of ['replay:40', 'replay:90', 'before-commit:1'].entries()) {
    await system.kill('audit')
    const killed = await system.launch('audit', 1, { CHAOS_KILL_AT: killAt })
    if (index === 0) {
      await eventually('audit-service is ready', () => system.isReady('audit'), 45_000)
      // It dies in the middle, at times before it has answered.
      const answer = await system.post('/replays', terms, 'audit').catch(() => undefined)
      expect(answer?.status ?? 202, JSON.stringify(answer?.body)).toBe(202)
    }
    await eventually(`it is killed at ${killAt}`, () => killed.hasExited(), 30_000)
    expect(await killed.exited).toMatchObject({ signal: 'SIGKILL' })
  }
  await system.start('audit')
  const { replays } = await system.get<{ replays: Replay[] }>('/replays', 'audit')
  expect(await ended(replays[0]?.id ?? '')).toMatchObject({ state: 'done', total: 300, sent: 300, failedAgain: 0 })
  await eventually('all is handled', async () => (await reserved()) === stockBefore + 300)
  await eventually('nothing waits', async () => (await vhost.count('inventory.queue')) === 0)
  expect(await reserved()).toBe(stockBefore + 300)
  expect(await failedMessages(system)).toEqual([])
  expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
}, 180_000)

async function reserved(): Promise<number> {
  const { reserved: count } = await system.get<{ reserved: number }>('/stock/item1', 'inventory')
  return count
}
