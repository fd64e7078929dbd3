// The topology is what people outside rely on: every name, every argument, and who hears what.
import { readFileSync } from 'node:fs'
import { clusterTopology, events, services, topology } from '@orders/shared/contracts'
import { deadLetterExchange, deadLetterQueueOf, type Topology } from '@orders/shared/messaging'
import { route } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'

const queueOf = (name: string) => topology.queues.find((queue) => queue.name === name)?.arguments
const reached = (exchange: string, routingKey: string) => [...route(topology, exchange, routingKey)].sort()

type Exchange = Topology['exchanges'][number]
const byName = (one: Exchange, other: Exchange) => one.name.localeCompare(other.name)
/** The types that the first column of a canvas's table names, what it adds in parentheses apart. */
const heardByCanvas = (text: string) =>
  [...text.matchAll(/^\| (.+?) \| .+? \| .+? \|$/gm)].flatMap(([, cell = '']) =>
    [...cell.replace(/\([^)]*\)/g, '').matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, type = '']) => type),
  )

/** The audit only listens. */
const speakers = services.filter((noun) => noun !== 'audit')
const keysQueues = services.map((name) => `${name}.keys.queue`)
const quorumConsumers = [...services.map((name) => `${name}.queue`), ...keysQueues]
const channelQueues = ['email', 'sms', 'push', 'webhook'].map((channel) => `notification.${channel}.queue`)
const rpcQueues = ['payment.rpc.queue', 'inventory.rpc.queue', 'audit.rpc.queue']
const passingQueues = [...services.map((noun) => `${noun}.ops.queue`), 'audit.copies.queue']
const consumerQueues = [...quorumConsumers, ...channelQueues, ...rpcQueues]

describe('exchanges', () => {
  it('are those of the design, each topic exchange with its alternate', () => {
    const alternate = 'unrouted.exchange'
    const others: Exchange[] = [
      { name: 'audit.fanout.exchange', type: 'fanout' },
      { name: 'dead-letter.exchange', type: 'direct' },
      { name: 'keys.exchange', type: 'fanout' },
      { name: 'ops.exchange', type: 'fanout' },
      { name: 'unrouted.exchange', type: 'fanout' },
    ]
    const topics = speakers.map((noun): Exchange => ({ name: `${noun}.exchange`, type: 'topic', alternate }))
    expect(topology.exchanges.toSorted(byName)).toEqual([...topics, ...others].sort(byName))
  })

  it('are declared after the alternate they name', () => {
    const names = topology.exchanges.map(({ name }) => name)
    for (const [index, { alternate }] of topology.exchanges.entries())
      if (alternate) expect(names.indexOf(alternate)).toBeLessThan(index)
  })
})

describe('queues', () => {
  it('are those of the design and no others', () => {
    expect(topology.queues.map(({ name }) => name).sort()).toEqual(
      [
        ...consumerQueues,
        ...consumerQueues.map(deadLetterQueueOf),
        'payment.deadline.queue',
        'shipping.transit.queue',
        'unrouted.queue',
        ...passingQueues,
      ].sort(),
    )
  })

  it.each(quorumConsumers)('%s is a quorum queue that gives up into its dead letters, losing nothing', (name) => {
    expect(queueOf(name)).toEqual({
      'x-queue-type': 'quorum',
      'x-delivery-limit': 50,
      'x-dead-letter-exchange': deadLetterExchange,
      'x-dead-letter-routing-key': name,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    })
  })

  it.each(channelQueues)('%s is a classic queue with priorities', (name) => {
    expect(queueOf(name)).toEqual({
      // Said, since a vhost's default may be another.
      'x-queue-type': 'classic',
      'x-max-priority': 10,
      'x-dead-letter-exchange': deadLetterExchange,
      'x-dead-letter-routing-key': name,
    })
  })

  it.each(rpcQueues)('%s is classic, and its expired questions simply go', (name) => {
    expect(queueOf(name)).toEqual({ 'x-queue-type': 'classic' })
  })

  it.each(passingQueues)('%s is bounded, and what waits in it goes by itself', (name) => {
    expect(queueOf(name)).toEqual({ 'x-queue-type': 'classic', 'x-message-ttl': 30_000, 'x-max-length': 1_000 })
  })

  it.each([
    ['payment.deadline.queue', 'payment.queue'],
    ['shipping.transit.queue', 'shipping.queue'],
  ])('%s is a timer that returns to %s', (name, home) => {
    expect(queueOf(name)).toEqual({
      'x-queue-type': 'quorum',
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': home,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    })
    expect(reached('', home)).toEqual([home])
  })

  it.each(consumerQueues.map((name) => [name, deadLetterQueueOf(name)]))(
    '%s has its dead letters in %s, which nothing empties by itself',
    (name, dead) => {
      expect(dead).toMatch(/\.dlq$/)
      expect(reached(deadLetterExchange, name)).toEqual([dead])
      // RabbitMQ 4 would drop a letter that was looked at twenty times.
      expect(queueOf(dead)).toEqual({ 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 })
    },
  )
})

describe('on a cluster', () => {
  const replicated = (name: string) => clusterTopology.queues.find((queue) => queue.name === name)?.arguments

  it('every name, exchange and binding is the same, and no queue is on one node only', () => {
    const names = ({ queues }: typeof topology) => queues.map(({ name }) => name)
    expect(names(clusterTopology)).toEqual(names(topology))
    expect(clusterTopology.exchanges).toEqual(topology.exchanges)
    expect(clusterTopology.bindings).toEqual(topology.bindings)
    expect(clusterTopology.queues.filter((queue) => queue.arguments['x-queue-type'] !== 'quorum')).toEqual([])
  })

  it.each(channelQueues)('%s is like any other consumer queue', (name) => {
    expect(replicated(name)).toEqual({ ...queueOf('order.queue'), 'x-dead-letter-routing-key': name })
  })

  it.each(rpcQueues)('expired questions of %s simply go', (name) => {
    expect(replicated(name)).toEqual({ 'x-queue-type': 'quorum', 'x-delivery-limit': 50 })
  })

  it.each(passingQueues)('what waits in %s goes by itself', (name) => {
    const passing = { 'x-message-ttl': 30_000, 'x-max-length': 1_000 }
    expect(replicated(name)).toEqual({ 'x-queue-type': 'quorum', 'x-delivery-limit': 50, ...passing })
  })
})

describe('bindings', () => {
  it('join only what is declared', () => {
    const exchanges = topology.exchanges.map(({ name }) => name)
    const queues = topology.queues.map(({ name }) => name)
    for (const { source, destination, destinationType } of topology.bindings) {
      expect(exchanges).toContain(source)
      expect(destinationType === 'queue' ? queues : exchanges).toContain(destination)
    }
  })

  it('are each there once', () => {
    const texts = topology.bindings.map((binding) => JSON.stringify(binding))
    expect(texts).toEqual([...new Set(texts)])
  })

  it('of a queue belong to the queue’s owner', () => {
    for (const { name, owner } of topology.queues)
      expect([name, owner]).toEqual([name, name === 'unrouted.queue' ? undefined : `${name.split('.')[0]}-service`])
  })
})

describe('who hears what', () => {
  /** As the canvas of each service has it, its README; the audit, which hears everything, and a service's own messages apart. */
  const hears = new Map<string, string[]>()
  for (const noun of speakers)
    for (const type of heardByCanvas(readFileSync(`${noun}-service/README.md`, 'utf8')))
      if (!type.startsWith(`${noun}.`)) hears.set(type, [...(hears.get(type) ?? []), noun])
  /** Goes to the queues of the channels it names; see below. */
  const byChannel = ['notification.requested']
  /** Nobody acts on these: they are for people, who find them in the audit. */
  const onlyAudited = [...events.keys()].filter((type) => !hears.has(type) && !byChannel.includes(type))

  it('is said by the canvases of what is there', () => {
    expect([...hears.keys()].filter((type) => !events.has(type))).toEqual([])
    expect(hears.get('payment.success')).toEqual(['order', 'inventory', 'shipping'])
    expect(onlyAudited).toContain('inventory.committed')
  })

  it.each([...hears])('%s is heard by %j, and audited', (type, nouns) => {
    const queues = nouns.map((noun) => `${noun}.queue`)
    expect(reached(events.get(type)?.exchange ?? '', type)).toEqual([...queues, 'audit.queue'].sort())
  })

  it('what is said of keys is heard by every service, and not audited', () => {
    expect(reached('keys.exchange', 'keys.added')).toEqual(keysQueues.toSorted())
  })

  it.each(onlyAudited)('%s is only audited', (type) => {
    expect(reached(events.get(type)?.exchange ?? '', type)).toEqual(['audit.queue'])
  })

  it.each([
    ['email', ['email']],
    ['email.sms', ['email', 'sms']],
    ['sms.email', ['email', 'sms']],
    ['push.webhook', ['push', 'webhook']],
    ['webhook.push.sms.email', ['email', 'push', 'sms', 'webhook']],
  ])('notification.requested.%s reaches exactly the channels %j, and the audit', (suffix, channels) => {
    const queues = channels.map((channel) => `notification.${channel}.queue`)
    expect(reached('notification.exchange', `notification.requested.${suffix}`)).toEqual(
      [...queues, 'audit.queue'].sort(),
    )
  })

  it('is told to nobody twice and to nobody else: what no binding names is only audited', () => {
    for (const { name, type } of topology.exchanges.filter((exchange) => exchange.type === 'topic'))
      expect([name, type, reached(name, 'never.heard.of')]).toEqual([name, 'topic', ['audit.queue']])
  })

  it('without the audit, what no binding names is kept by unrouted.queue', () => {
    const bindings = topology.bindings.filter(({ destination }) => destination !== 'audit.fanout.exchange')
    expect([...route({ ...topology, bindings }, 'order.exchange', 'never.heard.of')]).toEqual(['unrouted.queue'])
  })
})
