// Consumers across sessions, at the moments that no broker can be made to choose.
import { EventEmitter } from 'node:events'
import { type ChannelModel, type ConsumeMessage, IllegalOperationError } from 'amqplib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import type { Delivery } from '../broker.ts'
import { createSubscriber } from '../subscriber.ts'
import { fakeSession, turn } from './fake-amqp.ts'

/** A connection that knows which queues are consumed through it, and opens channels when the test lets it. */
function fakeConnection() {
  const consuming = new Map<string, { queue: string; onMessage: (message: ConsumeMessage | null) => void }>()
  const acked: number[] = []
  const state = { refusing: false, gate: Promise.resolve(), opened: 0 }
  let tags = 0
  const createChannel = async () => {
    await state.gate
    state.opened += 1
    const own = new Set<string>()
    const channel = Object.assign(new EventEmitter(), {
      prefetch: async () => undefined,
      async close() {
        for (const consumerTag of own) consuming.delete(consumerTag)
        channel.emit('close')
      },
      async consume(queue: string, onMessage: (message: ConsumeMessage | null) => void) {
        const consumerTag = `consumer-${++tags}`
        own.add(consumerTag)
        consuming.set(consumerTag, { queue, onMessage })
        // What waits in the queue comes with the answer.
        if (queue === 'full') deliver(queue, 1)
        return { consumerTag }
      },
      async cancel(consumerTag: string) {
        consuming.delete(consumerTag)
      },
      ack({ fields }: ConsumeMessage) {
        if (state.refusing) throw new IllegalOperationError('Channel closing')
        acked.push(fields.deliveryTag)
      },
    })
    return channel
  }
  const session = fakeSession({ createChannel: createChannel as unknown as ChannelModel['createChannel'] })
  const queues = () => [...consuming.values()].map(({ queue }) => queue).sort()
  const deliver = (queue: string, deliveryTag: number) => {
    const fields = { deliveryTag, redelivered: false, exchange: '', routingKey: queue, consumerTag: '' }
    const message = { content: Buffer.from('m'), fields, properties: { headers: {} } } as ConsumeMessage
    for (const consumer of consuming.values()) if (consumer.queue === queue) consumer.onMessage(message)
  }
  return { session, queues, deliver, acked, state, consuming }
}

describe('a subscription', () => {
  it('made while a session starts is started once', async () => {
    const { session, queues, state } = fakeConnection()
    const gate = deferred()
    state.gate = gate.promise
    const subscriber = createSubscriber()
    subscriber.subscribe('first', 1, () => undefined)

    const attaching = subscriber.attach(session)
    subscriber.subscribe('second', 1, () => undefined)
    gate.resolve()
    await attaching
    await turn()

    expect(queues()).toEqual(['first', 'second'])
  })

  it('cancelled while it starts gets nothing once that is done', async () => {
    const { session, queues, state } = fakeConnection()
    const gate = deferred()
    state.gate = gate.promise
    const subscriber = createSubscriber()
    await subscriber.attach(session)
    const deliveries: Delivery[] = []
    let isCancelled = false
    const subscription = subscriber.subscribe('full', 1, (delivery) => {
      if (isCancelled) deliveries.push(delivery)
    })

    const cancelling = subscription.cancel().then(() => {
      isCancelled = true
    })
    await turn()
    gate.resolve()
    await cancelling
    await turn()

    expect(queues()).toEqual([])
    expect(deliveries).toEqual([])
  })

  it('is there again in every session, until it is cancelled', async () => {
    const subscriber = createSubscriber()
    const [one, two, three] = [fakeConnection(), fakeConnection(), fakeConnection()]
    const subscription = subscriber.subscribe('queue', 1, () => undefined)
    subscriber.subscribe('other', 1, () => undefined)
    await subscriber.attach(one.session)
    subscriber.detach()
    await subscriber.attach(two.session)
    expect([one.queues(), two.queues()]).toEqual([
      ['other', 'queue'],
      ['other', 'queue'],
    ])
    await subscription.cancel()
    expect(two.queues()).toEqual(['other'])
    subscriber.detach()
    await subscriber.attach(three.session)
    expect(three.queues()).toEqual(['other'])
  })

  it('that the broker cancelled ends the session, so that it comes back', async () => {
    const subscriber = createSubscriber()
    const { session, consuming } = fakeConnection()
    subscriber.subscribe('queue', 1, () => undefined)
    await subscriber.attach(session)
    for (const { onMessage } of consuming.values()) onMessage(null)
    expect(session.reasons).toEqual(['queue: consumer cancelled'])
  })
})

describe('an ack', () => {
  async function delivered() {
    const subscriber = createSubscriber()
    const connection = fakeConnection()
    const deliveries: Delivery[] = []
    subscriber.subscribe('queue', 1, (delivery) => deliveries.push(delivery))
    await subscriber.attach(connection.session)
    connection.deliver('queue', 7)
    const [delivery] = deliveries
    if (!delivery) throw new Error('nothing was delivered')
    return { subscriber, connection, delivery }
  }

  it('goes to the session that delivered', async () => {
    const { connection, delivery } = await delivered()
    delivery.ack()
    await turn()
    expect(connection.acked).toEqual([7])
  })

  it('of a session that is over goes nowhere: its tag would settle another delivery of the next', async () => {
    const { subscriber, connection, delivery } = await delivered()
    const next = fakeConnection()
    delivery.ack()
    subscriber.detach()
    await subscriber.attach(next.session)
    await turn()
    delivery.ack()
    await turn()
    expect([connection.acked, next.acked]).toEqual([[], []])
  })

  it('that a closing channel refuses ends the session and not the process', async () => {
    const { connection, delivery } = await delivered()
    connection.state.refusing = true
    delivery.ack()
    await turn()
    expect(connection.session.reasons).toEqual(['Channel closing'])
  })
})

describe('on a cluster, a consumer that hears nothing', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  async function started() {
    const subscriber = createSubscriber(30_000)
    const connection = fakeConnection()
    const deliveries: Delivery[] = []
    const subscription = subscriber.subscribe('queue', 1, (delivery) => deliveries.push(delivery))
    await subscriber.attach(connection.session)
    const pass = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms)
      await turn()
    }
    return { subscriber, subscription, connection, deliveries, pass }
  }

  it('opens its channel anew, so that the broker gives back what it lost on the way, and takes that for no fault', async () => {
    const { connection, deliveries, pass } = await started()
    await pass(29_000)
    expect(connection.state.opened).toBe(1)
    await pass(11_000)
    expect(connection.state.opened).toBe(2)
    expect(connection.queues()).toEqual(['queue'])
    connection.deliver('queue', 1)
    expect(deliveries).toHaveLength(1)
    expect(connection.session.reasons).toEqual([])
    await pass(0)
  })

  it('keeps its channel while something is unsettled, and for as long after it', async () => {
    const { connection, deliveries, pass } = await started()
    connection.deliver('queue', 1)
    await pass(300_000)
    expect(connection.state.opened).toBe(1)
    deliveries[0]?.ack()
    await pass(20_000)
    expect(connection.state.opened).toBe(1)
    await pass(20_000)
    expect(connection.state.opened).toBe(2)
  })

  it('stays cancelled, also when that is asked for while it opens its channel', async () => {
    const { subscription, connection, pass } = await started()
    const gate = deferred()
    connection.state.gate = gate.promise
    await pass(40_000)
    expect(connection.queues()).toEqual([])
    const cancelling = subscription.cancel()
    gate.resolve()
    await cancelling
    expect(connection.queues()).toEqual([])
  })

  it('does so in its own session only', async () => {
    const { subscriber, connection, pass } = await started()
    subscriber.detach()
    await pass(300_000)
    const next = fakeConnection()
    await subscriber.attach(next.session)
    await pass(40_000)
    expect([connection.state.opened, next.state.opened]).toEqual([1, 2])
    expect(next.queues()).toEqual(['queue'])
  })
})
