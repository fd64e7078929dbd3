// RabbitMQ goes away in every way it can, and what was published arrives, and whoever subscribed goes on.
import { type Broker, openRabbit, type Publication, publishUntilTaken, type Topology } from '@orders/shared/messaging'
import { BrokenError } from '@orders/shared/runtime'
import { eventually, keepingLog } from '@orders/shared/testing'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { supervisorSuite } from '../../shared/messaging/test/supervisor-suite.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'
import { startWire } from '../support/wire.ts'

const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': 100 }
const topology: Topology = {
  exchanges: [{ name: 'facts', type: 'topic' }],
  queues: [
    { name: 'kept', arguments: quorum },
    { name: 'other', arguments: quorum },
    // Has room for one message, and refuses the next.
    { name: 'full', arguments: { 'x-queue-type': 'classic', 'x-max-length': 1, 'x-overflow': 'reject-publish' } },
  ],
  bindings: [
    { source: 'facts', destination: 'kept', destinationType: 'queue', pattern: 'kept.#' },
    { source: 'facts', destination: 'other', destinationType: 'queue', pattern: 'other.#' },
    { source: 'facts', destination: 'full', destinationType: 'queue', pattern: 'full.#' },
  ],
}

let vhost: Vhost
const opened: (() => Promise<void>)[] = []

beforeAll(async () => {
  vhost = await createVhost()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((close) => close()))
  for (const { name } of topology.queues) await vhost.api('DELETE', `queues/${name}`).catch(() => undefined)
})

afterAll(() => vhost.remove())

async function open(name: string, wanted = topology) {
  const { log, lines } = await keepingLog()
  const broken: BrokenError[] = []
  const wire = await startWire(vhost.amqpUrl)
  const broker = openRabbit({
    url: wire.amqpUrl,
    name,
    topology: wanted,
    log,
    heartbeatSeconds: 1,
    broken: (error) => broken.push(error),
  })
  opened.push(async () => {
    await broker.close(1_000)
    await wire.close()
  })
  return { broker, broken, lines, wire }
}

async function ready(name: string) {
  const rig = await open(name)
  await rig.broker.ready()
  return rig
}

const publication = (routingKey: string, id: string): Publication => ({
  exchange: 'facts',
  routingKey,
  body: Buffer.from(id),
  properties: { messageId: id, headers: {} },
})

/** Collects the bodies that `queue` delivers, each as often as it comes. */
function gather(broker: Broker, queue: string): string[] {
  const bodies: string[] = []
  broker.subscribe(queue, 100, (delivery) => {
    bodies.push(delivery.body.toString())
    delivery.ack()
  })
  return bodies
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number))
const distinct = (bodies: string[]) => [...new Set(bodies)].sort((a, b) => Number(a) - Number(b))

it('a connection killed again and again while it publishes loses nothing', async () => {
  const { broker, wire } = await ready('publishing')
  const ids = numbers(6_000)
  // More than may be unconfirmed at one time, so that some are sent, some wait, and some are on the way back.
  let confirmed = 0
  const all = ids.map((id) => broker.publish(publication('kept.fact', id)).then(() => confirmed++))
  for (const part of [0.1, 0.4, 0.7]) {
    await eventually('some are confirmed', () => confirmed >= part * ids.length)
    wire.cut()
  }
  await eventually('an operator closes one as well', async () => (await vhost.cutConnections('publishing')) > 0)
  await Promise.all(all)

  await eventually('it is connected again', () => broker.status().fault === undefined)
  expect(broker.status().unconfirmed).toBe(0)
  const { broker: reader } = await ready('reading')
  const bodies = gather(reader, 'kept')
  await eventually('all have arrived', () => new Set(bodies).size === ids.length)
  expect(distinct(bodies)).toEqual(ids)
})

it('a consumer whose connection is killed goes on, and misses nothing', async () => {
  const { broker: consumer, wire } = await ready('consuming')
  const { broker } = await ready('feeding')
  const bodies = gather(consumer, 'kept')
  const ids = numbers(600)
  for (const [at, id] of ids.entries()) {
    await broker.publish(publication('kept.fact', id))
    if (at % 200 === 100) wire.cut()
  }
  await eventually('all have arrived', () => new Set(bodies).size === ids.length)
  expect(distinct(bodies)).toEqual(ids)
})

it('a broker that falls silent without a word is taken for dead, and everything comes back', async () => {
  const { broker, wire, lines } = await ready('listening')
  const bodies = gather(broker, 'kept')
  await broker.publish(publication('kept.fact', 'before'))
  await eventually('the first has arrived', () => bodies.includes('before'))

  wire.silence()
  const publishing = broker.publish(publication('kept.fact', 'after'))

  await publishing
  await eventually('the second has arrived', () => bodies.includes('after'))
  expect(lines.filter(({ msg }) => msg === 'connection lost, reconnecting').length).toBeGreaterThan(0)
})

it('a queue deleted under its consumer comes back, with its bindings and its consumer', async () => {
  const { broker } = await ready('surviving')
  const bodies = gather(broker, 'kept')
  await broker.publish(publication('kept.fact', 'before'))
  await eventually('the first has arrived', () => bodies.includes('before'))

  await vhost.api('DELETE', 'queues/kept')
  await eventually('it is declared again', async () => (await vhost.queues()).some(({ name }) => name === 'kept'))
  await publishUntilTaken(broker, publication('kept.fact', 'after'))

  await eventually('the second has arrived', () => bodies.includes('after'))
})

it('a broker that goes on refusing is asked on a new connection, too, and what it refused arrives in the end', async () => {
  const { broker, lines } = await ready('refused')
  await broker.publish(publication('full.fact', '0'))
  const refused = publishUntilTaken(broker, publication('full.fact', '1'))

  const why = "the broker refuses full.fact on 'facts'"
  await eventually('the connection is renewed', () => lines.some((line) => line.why === why))
  const question = { type: 'anything', body: Buffer.from('?') }
  const asked = () => broker.request('full', question, 60_000).catch(({ code }: { code: string }) => code)
  await eventually('a question is refused at once', async () => (await asked()) === 'rpc_refused')
  const bodies = gather(broker, 'full')
  await refused

  await eventually('both have arrived', () => bodies.length === 2)
  expect(bodies).toEqual(['0', '1'])
})

it('a message whose queue was deleted is not lost: it comes back, the topology is declared again, and it arrives', async () => {
  const { broker, lines } = await ready('returning')
  await vhost.api('DELETE', 'queues/kept')
  const ids = numbers(30)
  const all = ids.map((id) => publishUntilTaken(broker, publication('kept.fact', id)))
  const others = ids.map((id) => broker.publish(publication('other.fact', `other ${id}`)))

  await Promise.all([...all, ...others])

  expect(lines.some(({ msg }) => msg.includes('no queue is bound'))).toBe(true)
  const [kept, other] = [gather(broker, 'kept'), gather(broker, 'other')]
  await eventually('all have arrived', () => new Set(kept).size + new Set(other).size === 60)
  expect(broker.status()).toEqual({ fault: undefined, unconfirmed: 0, refused: [] })
})

it('a message that AMQP cannot carry is refused at once, and the others go on', async () => {
  const { broker } = await ready('carrying')
  const monster = { ...publication('kept.fact', 'monster') }
  monster.properties = { messageId: 'monster', headers: { huge: 'x'.repeat(70_000) } }

  const [refusal] = await Promise.all([
    broker.publish(monster).catch((error: unknown) => error),
    broker.publish(publication('kept.fact', 'good')),
  ])

  expect(refusal).toMatchObject({ name: 'PermanentError', code: 'unpublishable' })
  expect(broker.status()).toEqual({ fault: undefined, unconfirmed: 0, refused: [] })
})

it('a broker that has a queue otherwise ends it, once, with what differs and what to do', async () => {
  await ready('declaring')
  const queues = [{ name: 'kept', arguments: { ...quorum, 'x-delivery-limit': 7 } }]
  const { broken, broker } = await open('mismatching', { ...topology, queues })

  await eventually('it is told', () => broken.length > 0)
  await eventually('its state says it', () => broker.status().fault?.includes('x-delivery-limit'))
  await broker.close(0)

  expect(broken).toHaveLength(1)
  expect(broken[0]).toBeInstanceOf(BrokenError)
  expect(broken[0]).toMatchObject({ code: 'topology_mismatch' })
  expect(broken[0]?.message).toMatch(/queue kept .*x-delivery-limit.*100.*needs.*7.*delete it in the management UI/)
})

it('a connection that comes up only after the stop is closed at once', async () => {
  const { log } = await keepingLog()
  const wire = await startWire(vhost.amqpUrl)
  opened.push(wire.close)
  wire.freeze()
  const broken = (error: BrokenError) => {
    throw error
  }
  const broker = openRabbit({ url: wire.amqpUrl, name: 'abandoned', topology, log, broken })
  await eventually('both connections are being made', () => wire.connections() === 2)
  await broker.close(0)
  wire.heal()
  await eventually('neither is left open', () => wire.connections() === 0)
})

supervisorSuite(() => vhost.amqpUrl)
