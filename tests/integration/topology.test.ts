// RabbitMQ takes the whole topology as it is written, and takes it again: every service declares all of it at start.
import { topology } from '@orders/shared/contracts'
import { openRabbit } from '@orders/shared/messaging'
import { eventually, keepingLog } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost

beforeAll(async () => {
  vhost = await createVhost()
})

afterAll(() => vhost.remove())

async function open(name: string) {
  const { log } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name, topology, log, broken })
  await broker.ready()
  return broker
}

it('six services that start at the same moment leave exactly what is written', async () => {
  const brokers = await Promise.all(['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'].map(open))
  try {
    const queues = (await vhost.api('GET', 'queues')) as { name: string; durable: boolean; arguments: object }[]
    expect(queues.map(({ name, arguments: found }) => ({ name, arguments: found })).sort(byName)).toEqual(
      topology.queues.toSorted(byName),
    )
    expect(queues.every(({ durable }) => durable)).toBe(true)
    const bindings = (await vhost.api('GET', 'bindings')) as { source: string }[]
    expect(bindings.filter(({ source }) => source !== '')).toHaveLength(topology.bindings.length)
  } finally {
    await Promise.all(brokers.map((broker) => broker.close(1_000)))
  }
})

it('an event reaches those who hear it and the audit, and a dead letter is kept', async () => {
  const broker = await open('publishing')
  try {
    const heard: string[] = []
    for (const queue of ['inventory.queue', 'notification.queue', 'audit.queue'])
      broker.subscribe(queue, 10, (delivery) => {
        heard.push(`${queue} ${delivery.routingKey}`)
        delivery.ack()
      })
    const body = Buffer.from('{}')
    const properties = { messageId: 'm', headers: {} }
    await broker.publish({ exchange: 'order.exchange', routingKey: 'order.created', body, properties })
    await broker.publish({ exchange: 'dead-letter.exchange', routingKey: 'payment.queue', body, properties })

    await eventually('all three have heard', () => heard.length === 3)
    expect(heard.sort()).toEqual([
      'audit.queue order.created',
      'inventory.queue order.created',
      'notification.queue order.created',
    ])
    await eventually('the dead letter is kept', async () => (await vhost.count('payment.dlq')) === 1)
  } finally {
    await broker.close(1_000)
  }
})

it('what earlier versions heard is heard no longer: its bindings are removed, and nothing else', async () => {
  const earlier = await open('earlier')
  try {
    for (const { source, destination, pattern } of topology.retired ?? [])
      await vhost.api('POST', `bindings/e/${source}/q/${destination}`, { routing_key: pattern })
    const bindingsOf = async (queue: string) => {
      const found = (await vhost.api('GET', `queues/${queue}/bindings`)) as { source: string; routing_key: string }[]
      return found
        .filter(({ source }) => source !== '')
        .map(({ routing_key }) => routing_key)
        .sort()
    }
    const heardNow = topology.bindings.filter(({ destination }) => destination === 'order.queue')
    const now = heardNow.map(({ pattern }) => pattern).sort()
    const retiredTypes = (topology.retired ?? []).map(({ pattern }) => pattern)
    expect(await bindingsOf('order.queue')).toEqual([...now, ...retiredTypes].sort())

    const brokers = await Promise.all(['one', 'two'].map(open))

    expect(await bindingsOf('order.queue')).toEqual(now)
    const before = await vhost.count('order.queue')
    const body = Buffer.from('{}')
    const properties = { messageId: 'm', headers: {} }
    for (const routingKey of ['notification.sent', 'shipping.delivered'])
      await earlier.publish({
        exchange: `${routingKey.split('.')[0]}.exchange`,
        routingKey,
        body,
        properties: { ...properties, type: routingKey },
      })
    await eventually(
      'what is still heard arrives, and only that',
      async () => (await vhost.count('order.queue')) === before + 1,
    )
    await Promise.all(brokers.map((broker) => broker.close(1_000)))
  } finally {
    await earlier.close(1_000)
  }
})

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1
}
