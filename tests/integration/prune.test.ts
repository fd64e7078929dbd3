// What is removed of a broker's topology, and what has to stay: by a real broker on which versions have left their marks.
import { orders, topology } from '@orders/shared/contracts'
import { openRabbit, type Topology } from '@orders/shared/messaging'
import { keepingLog } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Management, managementOf } from '../../scripts/topology/management.ts'
import { planPrune } from '../../scripts/topology/prune.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

let vhost: Vhost
let management: Management

beforeAll(async () => {
  vhost = await createVhost()
  management = managementOf(vhost.amqpUrl, process.env.TEST_MANAGEMENT_URL)
})

afterAll(() => vhost.remove())

async function open(of: Topology) {
  const { log } = await keepingLog()
  const name = 'order-service'
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name, owner: name, topology: of, log, broken })
  await broker.ready()
  return broker
}

it('removes what an earlier version left, and only when no copy of it runs', async () => {
  const stray = { source: 'notification.exchange', destination: 'order.queue', pattern: 'notification.sent' }
  const earlier: Topology = {
    ...topology,
    exchanges: [...topology.exchanges, { name: 'retry.exchange', type: 'fanout' }],
    queues: [
      ...topology.queues,
      { name: 'retry.1s.queue', arguments: { 'x-queue-type': 'quorum' } },
      { name: 'retry.30s.queue', arguments: { 'x-queue-type': 'quorum' } },
    ],
    bindings: [...topology.bindings, { ...stray, destinationType: 'queue' }],
  }
  const old = await open(earlier)
  await withChannel(vhost.amqpUrl, async (channel) => {
    channel.sendToQueue('retry.30s.queue', Buffer.from('still waiting'))
    await channel.waitForConfirms()
    // Somebody else's, in the same vhost.
    await channel.assertQueue('theirs', { durable: true })
    await channel.bindQueue('theirs', 'order.exchange', 'order.paid')
  })
  const now = await open(topology)
  const isSeen = async () => {
    const { connections, queues } = await management.look()
    return connections.length >= 4 && queues.some(({ name, messages }) => name === 'retry.30s.queue' && messages === 1)
  }
  await expect.poll(isSeen, { timeout: 20_000 }).toBe(true)
  expect(planPrune(await management.look(), topology)).toMatchObject({
    bindings: [],
    queues: [],
    exchanges: [],
    stays: ['a copy of order-service with another version is connected: nothing is removed while it runs'],
  })

  await old.close(1_000)
  await expect.poll(async () => (await management.look()).connections.length, { timeout: 20_000 }).toBe(2)
  const plan = planPrune(await management.look(), topology)
  expect(plan).toMatchObject({
    bindings: [{ source: stray.source, destination: stray.destination, routing_key: stray.pattern }],
    queues: ['retry.1s.queue'],
    exchanges: [],
    stays: ['retry.30s.queue still has messages (1), which return to their service by themselves'],
  })
  for (const binding of plan.bindings) await management.removeBinding(binding)
  for (const name of plan.queues) await management.removeQueue(name)

  const { bindings, queues } = await management.look()
  expect(
    bindings
      .filter(({ destination }) => destination === 'order.queue')
      .map(({ routing_key }) => routing_key)
      .sort(),
  ).toEqual([...(orders.heard['order.queue'] ?? [])].sort())
  expect(queues.map(({ name }) => name)).toEqual(expect.arrayContaining(['theirs', 'retry.30s.queue']))
  await expect(management.removeQueue('retry.30s.queue')).rejects.toThrow(
    'retry.30s.queue still has messages (1), and was not removed',
  )
  await now.close(1_000)
})
