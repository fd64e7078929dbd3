// RabbitMQ takes the whole topology as it is written, and takes it again: every service declares all of it at start.
import { orders, topology } from '@orders/shared/contracts'
import { COMPLETE, openRabbit, type Topology } from '@orders/shared/messaging'
import { eventually, keepingLog } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost

beforeAll(async () => {
  vhost = await createVhost()
})

afterAll(() => vhost.remove())

async function open(name: string, { as = name, of: wanted = topology }: { as?: string; of?: Topology } = {}) {
  const { log } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name, owner: as, topology: wanted, log, broken })
  await broker.ready()
  return broker
}

it('services that start at the same moment leave exactly what is written', async () => {
  const brokers = await Promise.all(orders.services.map((name) => open(name)))
  try {
    const queues = (await vhost.api('GET', 'queues')) as { name: string; durable: boolean; arguments: object }[]
    expect(queues.map(({ name, arguments: found }) => ({ name, arguments: found })).sort(byName)).toEqual(
      topology.queues.map(({ name, arguments: wanted }) => ({ name, arguments: wanted })).toSorted(byName),
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
    for (const queue of ['inventory.queue', 'audit.queue'])
      broker.subscribe(queue, 10, (delivery) => {
        heard.push(`${queue} ${delivery.routingKey}`)
        delivery.ack()
      })
    const body = Buffer.from('{}')
    const properties = { messageId: 'm', headers: {} }
    await broker.publish({ exchange: 'order.exchange', routingKey: 'order.created', body, properties })
    await broker.publish({ exchange: 'dead-letter.exchange', routingKey: 'payment.queue', body, properties })

    await eventually('both have heard', () => heard.length === 2)
    expect(heard.sort()).toEqual(['audit.queue order.created', 'inventory.queue order.created'])
    await eventually('the dead letter is kept', async () => (await vhost.count('payment.dlq')) === 1)
  } finally {
    await broker.close(1_000)
  }
})

describe('on a broker where all is declared', () => {
  const bindingsOf = async (queue: string) => {
    const found = (await vhost.api('GET', `queues/${queue}/bindings`)) as { source: string; routing_key: string }[]
    return found.flatMap(({ source, routing_key }) => (source === '' ? [] : [routing_key])).sort()
  }
  const now = (orders.heard['payment.queue'] ?? []).toSorted()
  /** As a newer or an older version of the orders has it: payment.queue hears something else. */
  const other: Topology = {
    ...topology,
    bindings: topology.bindings.map((binding) =>
      binding.destination === 'payment.queue' && binding.pattern === 'shipping.failed'
        ? { ...binding, pattern: 'shipping.exploded' }
        : binding,
    ),
  }

  it('nobody but its owner adds to what a queue hears, whichever version starts', async () => {
    const first = await open('audit-service')
    const newer = await open('order-service', { of: other })
    expect(await bindingsOf('payment.queue')).toEqual(now)
    const owner = await open('payment-service', { of: other })
    expect(await bindingsOf('payment.queue')).toEqual([...now, 'shipping.exploded'].sort())
    await Promise.all([first, newer, owner].map((broker) => broker.close(1_000)))
  })

  it('a binding that its owner names no longer stays until somebody removes it', async () => {
    const broker = await open('payment-service')
    expect(await bindingsOf('payment.queue')).toContain('shipping.exploded')
    await broker.close(1_000)
  })

  it('a queue that was deleted comes back with its owner, and with nobody else', async () => {
    await vhost.api('DELETE', 'queues/shipping.queue')
    const another = await open('audit-service')
    const names = async () => (await vhost.queues()).map(({ name }) => name)
    expect(await names()).not.toContain('shipping.queue')
    const owner = await open('shipping-service')
    expect(await names()).toContain('shipping.queue')
    expect(await bindingsOf('shipping.queue')).toEqual(orders.heard['shipping.queue'])
    await Promise.all([another, owner].map((broker) => broker.close(1_000)))
  })

  it('without its mark it is a new one, and the first to come declares all of it', async () => {
    await vhost.api('DELETE', 'queues/shipping.queue')
    await vhost.api('DELETE', `exchanges/${COMPLETE}`)
    const broker = await open('audit-service')
    expect(await bindingsOf('shipping.queue')).toEqual(orders.heard['shipping.queue'])
    await broker.close(1_000)
  })
})

function byName(one: { name: string }, other: { name: string }): number {
  return one.name < other.name ? -1 : 1
}
