// What every broker behind the port must do. RabbitMQ and the in-memory broker of the unit tests both pass it, so what
// is tested with the one holds with the other.
import type { Broker, Delivery, Publication, Topology } from '@orders/shared/messaging'
import { eventually } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** One broker with the suite's topology. */
export interface Rig {
  /** A service's connection; ready to be used. */
  open(name: string): Promise<Broker>
  /** Cuts the connections of that name, which come back by themselves. */
  cut(name: string): Promise<void>
  /** What a queue holds, deliveries under way included. */
  count(queue: string): Promise<number>
  /** Called when every connection is closed. */
  remove(): Promise<void>
}

const DELIVERY_LIMIT = 2

const classic = { 'x-queue-type': 'classic' }
const returning = {
  'x-queue-type': 'quorum',
  'x-dead-letter-exchange': '',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
}

export const suiteTopology: Topology = {
  exchanges: [
    { name: 'unrouted', type: 'fanout' },
    { name: 'topic', type: 'topic', alternate: 'unrouted' },
    { name: 'all', type: 'topic' },
    { name: 'fanout', type: 'fanout' },
    { name: 'silent', type: 'fanout' },
    { name: 'dead', type: 'direct' },
  ],
  queues: [
    { name: 'one', arguments: classic },
    { name: 'two', arguments: classic },
    { name: 'rpc', arguments: classic },
    { name: 'priority', arguments: { ...classic, 'x-max-priority': 10 } },
    { name: 'timer', arguments: { ...returning, 'x-dead-letter-routing-key': 'one' } },
    {
      name: 'limited',
      arguments: {
        ...returning,
        'x-delivery-limit': DELIVERY_LIMIT,
        'x-dead-letter-exchange': 'dead',
        'x-dead-letter-routing-key': 'limited',
      },
    },
    { name: 'dead', arguments: { 'x-queue-type': 'quorum' } },
    { name: 'unrouted', arguments: classic },
  ],
  bindings: [
    { source: 'topic', destination: 'one', destinationType: 'queue', pattern: 'order.*' },
    { source: 'topic', destination: 'two', destinationType: 'queue', pattern: 'order.#.email.#' },
    { source: 'topic', destination: 'two', destinationType: 'queue', pattern: 'order.paid' },
    { source: 'all', destination: 'fanout', destinationType: 'exchange', pattern: '#' },
    { source: 'fanout', destination: 'one', destinationType: 'queue', pattern: '' },
    { source: 'fanout', destination: 'two', destinationType: 'queue', pattern: '' },
    { source: 'dead', destination: 'dead', destinationType: 'queue', pattern: 'limited' },
    { source: 'unrouted', destination: 'unrouted', destinationType: 'queue', pattern: '' },
  ],
}

export function brokerSuite(name: string, openRig: () => Promise<Rig>): void {
  describe(name, () => {
    let rig: Rig
    let brokers: Broker[]
    let broker: Broker

    const open = async (as: string) => {
      const opened = await rig.open(as)
      brokers.push(opened)
      return opened
    }

    beforeEach(async () => {
      rig = await openRig()
      brokers = []
      broker = await open('main')
    })

    afterEach(async () => {
      await Promise.all(brokers.map((one) => one.close(1_000)))
      await rig.remove()
    })

    let sent = 0
    const publication = (
      exchange: string,
      routingKey: string,
      body: string,
      more: Partial<Publication> = {},
    ): Publication => ({
      exchange,
      routingKey,
      body: Buffer.from(body),
      properties: { messageId: `message-${++sent}`, headers: {} },
      ...more,
    })
    const publish = (...parts: Parameters<typeof publication>) => broker.publish(publication(...parts))
    const toQueue = (queue: string, body: string, more: Partial<Publication> = {}) => publish('', queue, body, more)

    /** Collects what `queue` delivers; settles it unless told otherwise, or not before `settleAll`. */
    function gather(queue: string, { prefetch = 100, acking = true, from = broker } = {}) {
      const deliveries: Delivery[] = []
      let isSettling = acking
      const subscription = from.subscribe(queue, prefetch, (delivery) => {
        deliveries.push(delivery)
        if (isSettling) delivery.ack()
      })
      const settleAll = () => {
        isSettling = true
        for (const delivery of deliveries) delivery.ack()
      }
      const bodies = () => deliveries.map(({ body }) => body.toString())
      const arrived = (count: number) =>
        eventually(`${count} deliveries from ${queue}`, () => deliveries.length >= count && deliveries)
      return { deliveries, bodies, arrived, subscription, settleAll }
    }

    /** All that waits in a queue, oldest first, and nothing that comes later. */
    async function drain(queue: string): Promise<string[]> {
      await toQueue(queue, 'the end')
      const { bodies, subscription } = gather(queue)
      await eventually(`${queue} is drained`, () => bodies().includes('the end'))
      await subscription.cancel()
      return bodies().slice(0, -1)
    }

    describe('publishing', () => {
      it.each<[string, string, string[], string[], string[]]>([
        ['topic', 'order.created', ['m'], [], []],
        ['topic', 'order.paid', ['m'], ['m'], []],
        ['topic', 'order.requested.email', [], ['m'], []],
        ['topic', 'order.requested.sms.email.push', [], ['m'], []],
        ['topic', 'order.email', ['m'], ['m'], []],
        ['topic', 'order', [], [], ['m']],
        ['topic', 'order.requested.emails', [], [], ['m']],
        ['topic', 'nobody.cares', [], [], ['m']],
        ['fanout', 'whatever', ['m'], ['m'], []],
        ['all', 'whatever.it.is', ['m'], ['m'], []],
        ['', 'two', [], ['m'], []],
      ])("to '%s' with %s reaches exactly the queues that are bound", async (exchange, key, one, two, unrouted) => {
        await publish(exchange, key, 'm')
        expect([await drain('one'), await drain('two'), await drain('unrouted')]).toEqual([one, two, unrouted])
      })

      it('keeps the order, the bytes and the properties', async () => {
        const body = Buffer.from([0, 1, 2, 253, 254, 255])
        const properties = {
          messageId: 'order-1/order.created',
          type: 'order.created',
          appId: 'order-service',
          timestamp: 1_795_248_000,
          correlationId: 'order-1',
          contentType: 'application/cloudevents+json',
          priority: 4,
          headers: { attempt: 1, delay: 'short', traceparent: '00-ab-cd-01', nested: { deep: ['x', 1] } },
        }
        await broker.publish({ exchange: 'topic', routingKey: 'order.created', body, properties })
        for (let number = 1; number <= 20; number++) await toQueue('one', String(number))

        const [first, ...rest] = await gather('one').arrived(21)

        expect(first).toMatchObject({ exchange: 'topic', routingKey: 'order.created', redelivered: false, properties })
        expect(first?.body.equals(body)).toBe(true)
        expect(rest.map(({ body: text }) => text.toString())).toEqual(
          Array.from({ length: 20 }, (_, at) => String(at + 1)),
        )
      })

      it('many at once confirms every one, in order', async () => {
        const bodies = Array.from({ length: 500 }, (_, number) => String(number))
        await Promise.all(bodies.map((body) => toQueue('one', body)))
        expect(broker.status()).toEqual({ fault: undefined, unconfirmed: 0, refused: [] })
        expect(await drain('one')).toEqual(bodies)
      })

      it('what no queue takes is given back, and holds nobody back', async () => {
        const lost = toQueue('nowhere', 'lost').catch((error: unknown) => error)
        await toQueue('one', 'kept')

        // At least once: what was under way when the topology was declared again may come twice.
        expect(new Set(await drain('one'))).toEqual(new Set(['kept']))
        expect(await lost).toMatchObject({ name: 'TransientError', code: 'refused' })
      })
    })

    describe('a subscription', () => {
      it('gets at most its prefetch unsettled at a time, and the next for each it settles', async () => {
        for (let number = 1; number <= 8; number++) await toQueue('one', String(number))
        const { deliveries, arrived } = gather('one', { prefetch: 3, acking: false })
        await arrived(3)
        for (let settled = 1; settled <= 5; settled++) {
          expect(deliveries).toHaveLength(settled + 2)
          deliveries[settled - 1]?.ack()
          await arrived(settled + 3)
        }
        expect(deliveries.map(({ body }) => body.toString())).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
      })

      it('is not held up by one delivery that takes long', async () => {
        for (let number = 1; number <= 6; number++) await toQueue('one', String(number))
        const { deliveries, arrived } = gather('one', { prefetch: 2, acking: false })
        await arrived(2)
        for (let number = 1; number < 6; number++) {
          deliveries[number]?.ack()
          await arrived(Math.min(6, number + 2))
        }
        deliveries[0]?.ack()
        await eventually('all is settled', async () => (await rig.count('one')) === 0)
      })

      it('shares a queue with others: each message goes to one of them', async () => {
        const other = await open('other')
        const mine = gather('one', { prefetch: 1, acking: false })
        const theirs = gather('one', { prefetch: 1, acking: false, from: other })
        const bodies = Array.from({ length: 40 }, (_, number) => String(number))
        await Promise.all(bodies.map((body) => toQueue('one', body)))
        // Whoever begins first would else have taken all of them before the other one has begun.
        await Promise.all([mine.arrived(1), theirs.arrived(1)])
        for (const { settleAll } of [mine, theirs]) settleAll()

        await eventually('all have arrived', () => mine.bodies().length + theirs.bodies().length >= 40)

        expect([...mine.bodies(), ...theirs.bodies()].sort()).toEqual(bodies.sort())
        expect(Math.min(mine.bodies().length, theirs.bodies().length)).toBeGreaterThan(0)
      })

      it('that is cancelled gets nothing new, and may settle what it has', async () => {
        await toQueue('one', 'before')
        const { deliveries, arrived, subscription } = gather('one', { acking: false })
        await arrived(1)

        await subscription.cancel()
        await toQueue('one', 'after')
        deliveries[0]?.ack()

        await eventually('the first is settled', async () => (await rig.count('one')) === 1)
        expect(deliveries).toHaveLength(1)
        expect(await drain('one')).toEqual(['after'])
      })

      it('to a queue that may be missing is told so, and disturbs nobody else', async () => {
        const told: boolean[] = []
        const subscription = broker.subscribe(
          'nowhere',
          1,
          (delivery) => delivery.ack(),
          (isMissing) => {
            told.push(isMissing)
          },
        )
        await eventually('it is told', () => told.length > 0)
        const { arrived } = gather('one')
        await toQueue('one', 'm')
        await arrived(1)
        expect(told).toEqual([true])
        await subscription.cancel()
      })

      it('that is cancelled before it began gets nothing', async () => {
        const { deliveries, subscription } = gather('one')
        await subscription.cancel()
        await toQueue('one', 'kept')
        expect(await drain('one')).toEqual(['kept'])
        expect(deliveries).toEqual([])
      })

      it('is given the higher priority first', async () => {
        for (const priority of [0, 4, 9, 4, 8])
          await toQueue('priority', `priority ${priority}`, { properties: { priority, headers: {} } })
        const { bodies, arrived } = gather('priority', { prefetch: 1 })
        await arrived(5)
        expect(bodies()).toEqual(['priority 9', 'priority 8', 'priority 4', 'priority 4', 'priority 0'])
      })
    })

    describe('a connection that is cut', () => {
      it('gets its unsettled deliveries again, marked, and what was settled never', async () => {
        for (const body of ['settled', 'open', 'open too']) await toQueue('one', body)
        const { deliveries, arrived } = gather('one', { acking: false })
        await arrived(3)
        expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([false, false, false])
        deliveries[0]?.ack()
        await eventually('the first is settled', async () => (await rig.count('one')) === 2)

        await rig.cut('main')

        const again = (await arrived(5)).slice(3)
        expect(again.map(({ body, redelivered }) => [body.toString(), redelivered])).toEqual([
          ['open', true],
          ['open too', true],
        ])
        for (const delivery of again) delivery.ack()
        await eventually('all is settled', async () => (await rig.count('one')) === 0)
      })

      it('is not helped by an ack of before: that delivery is gone', async () => {
        await toQueue('one', 'm')
        const { deliveries, arrived } = gather('one', { acking: false })
        await arrived(1)
        await rig.cut('main')
        await arrived(2)

        deliveries[0]?.ack()
        await toQueue('two', 'a round trip')
        expect(await drain('two')).toEqual(['a round trip'])
        expect(await rig.count('one')).toBe(1)
        deliveries[1]?.ack()
        await eventually('it is settled', async () => (await rig.count('one')) === 0)
      })

      it('comes back with its subscriptions, and publishes what was asked meanwhile', async () => {
        const { bodies, arrived } = gather('one')
        await toQueue('one', 'before')
        await arrived(1)

        await rig.cut('main')
        await toQueue('one', 'after')

        await eventually('what was asked meanwhile has arrived', () => bodies().includes('after'))
        // The first may have come twice: its ack was on its way when the connection was cut.
        expect([...new Set(bodies())]).toEqual(['before', 'after'])
        expect(broker.status().unconfirmed).toBe(0)
      })

      it('gives a message up into the dead letters when it was delivered too often', async () => {
        await toQueue('limited', 'poison')
        const { deliveries, arrived } = gather('limited', { acking: false })
        for (let delivered = 1; delivered <= DELIVERY_LIMIT + 1; delivered++) {
          await arrived(delivered)
          await rig.cut('main')
        }

        await eventually('it is a dead letter', async () => (await rig.count('dead')) === 1)
        expect(deliveries).toHaveLength(DELIVERY_LIMIT + 1)
        expect(await drain('dead')).toEqual(['poison'])
        // What a quorum queue holds is told up to five seconds late.
        await eventually('it is nowhere else', async () => (await rig.count('limited')) === 0)
      })
    })

    describe('time', () => {
      it('brings a timer back after its own delay, and not before', async () => {
        const { arrived } = gather('one')
        const started = performance.now()
        await toQueue('timer', 'ring', { properties: { expirationMs: 250, headers: { kept: 'yes' } } })

        const [rung] = await arrived(1)

        expect(performance.now() - started).toBeGreaterThanOrEqual(245)
        expect(rung?.body.toString()).toBe('ring')
        expect(rung?.properties.headers.kept).toBe('yes')
        // Otherwise it would expire again, in the queue it came back to.
        expect(rung?.properties.expirationMs).toBeUndefined()
      })
    })

    describe('a question', () => {
      const question = (body: string) => ({ type: 'test.ask', body: Buffer.from(body) })
      const answering = (from: Broker, answer: (delivery: Delivery) => string) =>
        from.subscribe('rpc', 10, (delivery) => {
          from.reply(delivery, Buffer.from(answer(delivery)))
          delivery.ack()
        })

      it('gets its own answer, among many asked at once', async () => {
        const server = await open('server')
        answering(server, ({ body, properties }) => `${properties.type} ${body.toString()}`)
        const asked = Array.from({ length: 30 }, (_, number) => broker.request('rpc', question(String(number)), 10_000))
        const answers = (await Promise.all(asked)).map((answer) => answer.toString())
        expect(answers).toEqual(Array.from({ length: 30 }, (_, number) => `test.ask ${number}`))
        await eventually('all are settled', async () => (await rig.count('rpc')) === 0)
      })

      it('carries the headers that it is asked with', async () => {
        const server = await open('server')
        answering(server, ({ properties: { headers } }) => `${headers.traceparent} ${headers.tracestate}`)
        const headers = { traceparent: '00-ab-cd-01', tracestate: 'a=b' }
        const answer = await broker.request('rpc', { ...question(''), headers }, 10_000)
        expect(answer.toString()).toBe('00-ab-cd-01 a=b')
      })

      it('that nobody answers in time is given up, and never served late', async () => {
        const failure = await broker.request('rpc', question('late'), 200).catch((error: unknown) => error)
        expect(failure).toMatchObject({ name: 'TransientError', code: 'rpc_timeout' })
        await eventually('the question is gone', async () => (await rig.count('rpc')) === 0)

        const served: string[] = []
        answering(broker, ({ body }) => {
          served.push(body.toString())
          return 'ok'
        })
        await broker.request('rpc', question('in time'), 10_000)
        expect(served).toEqual(['in time'])
      })

      it('that no queue takes is refused at once', async () => {
        const failure = await broker.request('nowhere', question('?'), 10_000).catch((error: unknown) => error)
        expect(failure).toMatchObject({ name: 'TransientError', code: 'rpc_unroutable' })
      })

      it('whose connection is cut is given up at once', async () => {
        const failure = broker.request('rpc', question('?'), 30_000).catch((error: unknown) => error)
        await eventually('it is asked', async () => (await rig.count('rpc')) === 1)
        await rig.cut('main')
        expect(await failure).toMatchObject({ name: 'TransientError', code: 'broker_unavailable' })
      })

      it('whose asker has gone may be answered all the same', async () => {
        const asker = await open('asker')
        const asked = asker.request('rpc', question('?'), 30_000).catch((error: unknown) => error)
        const { arrived } = gather('rpc', { acking: false })
        const [delivery] = await arrived(1)
        await asker.close(0)
        if (delivery) broker.reply(delivery, Buffer.from('too late'))
        delivery?.ack()
        expect(await asked).toMatchObject({ code: 'broker_unavailable' })
        await eventually('it is settled', async () => (await rig.count('rpc')) === 0)
      })
    })

    describe('what is told', () => {
      it('reaches every queue of its fanout, and where nobody listens it is gone', async () => {
        const [one, two] = [gather('one'), gather('two')]
        broker.tell('fanout', 'test.told', Buffer.from('now'))
        for (const { arrived } of [one, two]) {
          const [heard] = await arrived(1)
          expect([heard?.properties.type, heard?.body.toString()]).toEqual(['test.told', 'now'])
        }
        broker.tell('silent', 'test.told', Buffer.from('to nobody'))
        await toQueue('one', 'goes on')
        expect((await one.arrived(2))[1]?.body.toString()).toBe('goes on')
        expect(broker.status().fault).toBeUndefined()
      })
    })

    describe('closing', () => {
      it('first lets what is under way be confirmed', async () => {
        const all = Array.from({ length: 200 }, (_, number) => toQueue('one', String(number)))
        await broker.close(10_000)
        await Promise.all(all)
        expect(await rig.count('one')).toBe(200)
      })

      it('refuses whatever is published afterwards', async () => {
        await broker.close(0)
        const failure = await toQueue('one', 'late').catch((error: unknown) => error)
        expect(failure).toMatchObject({ name: 'TransientError', code: 'broker_closed' })
        expect(broker.status().fault).toBeTypeOf('string')
      })

      it('gives unsettled deliveries to others', async () => {
        const other = await open('other')
        await toQueue('one', 'm')
        const first = gather('one', { acking: false, from: other })
        await first.arrived(1)
        const { arrived } = gather('one')

        await other.close(0)

        const [again] = await arrived(1)
        expect([again?.body.toString(), again?.redelivered]).toEqual(['m', true])
        first.deliveries[0]?.ack()
      })

      it('twice does no harm', async () => {
        await broker.close(0)
        await broker.close(0)
      })
    })
  })
}
