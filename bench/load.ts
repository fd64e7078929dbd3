// A closed loop: so many orders under way, each that ends making room for the next. Whatever orders are placed, they are waited
// for until nothing is left of them: ended, told of and audited.
import { setTimeout as delay } from 'node:timers/promises'
import { topology } from '@orders/shared/contracts'
import { failuresIn } from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import type { Channel, ConsumeMessage } from 'amqplib'
import { connectTo } from './amqp.ts'
import { ascending } from './numbers.ts'

export interface Target {
  amqpUrl: string
  /** Resolves when the order is accepted. */
  place(orderId: string, number: number): Promise<void>
  /** What the orders' ids begin with, if it matters. */
  prefix?: string
}

/** How much: so many orders, or as many as are placed within so many seconds. */
export type Amount = { inFlight: number } & ({ orders: number } | { seconds: number })

export interface LoadResult {
  orders: number
  /** Until the last order had ended. */
  completedPerSecond: number
  /** Until every queue was empty besides: mails are sent, events are in the audit. */
  settledPerSecond: number
  /** Milliseconds, ascending: until the order was accepted, and from then until it had ended. */
  acceptedMs: number[]
  endedMs: number[]
}

export interface Load {
  run(amount: Amount): Promise<LoadResult>
  close(): Promise<void>
}

/** Requests under way at one time. */
const CONNECTIONS = 32
const STALLED_AFTER_MS = 60_000
const LOOK_EVERY_MS = 20

/** Hears how orders end. The caller closes it. */
export async function openLoad({ amqpUrl, place, prefix = Date.now().toString(36) }: Target): Promise<Load> {
  const connection = await connectTo(amqpUrl)
  const channel = await connection.createChannel()
  const underWay = new Map<string, (type: string) => void>()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const type of ['order.completed', 'order.cancelled']) await channel.bindQueue(queue, 'order.exchange', type)
  let lastEndAt = performance.now()
  const hear = (orderId: string, type: string) => {
    lastEndAt = performance.now()
    underWay.get(orderId)?.(type)
    underWay.delete(orderId)
  }
  // What fails is taken away at once from where it would lie, so it is heard of as it comes.
  const failed = new Set<string>()
  const ways = waysOfFailures()
  for (const [source, keys] of ways) for (const key of keys) await channel.bindQueue(queue, source, key)
  const onMessage = ({ fields, properties }: ConsumeMessage) => {
    if (ways.has(fields.exchange)) failed.add(`${fields.exchange} ${fields.routingKey}`)
    else hear(properties.correlationId, fields.routingKey)
  }
  await channel.consume(queue, (one) => one && onMessage(one), { noAck: true })
  let placed = 0

  async function run({ inFlight, ...limit }: Amount): Promise<LoadResult> {
    const acceptedMs: number[] = []
    const endedMs: number[] = []
    const first = placed
    const startedAt = performance.now()
    lastEndAt = startedAt
    const isEnough = () =>
      'orders' in limit ? placed - first >= limit.orders : performance.now() - startedAt >= limit.seconds * 1_000
    const pass = gate(CONNECTIONS)

    async function oneAfterTheOther(): Promise<void> {
      while (!isEnough()) {
        const number = placed++
        const orderId = `${prefix}-${number}`
        const ended = deferred<string>()
        underWay.set(orderId, ended.resolve)
        const acceptedAt = await pass(async () => {
          const sentAt = performance.now()
          await place(orderId, number)
          acceptedMs.push(performance.now() - sentAt)
          return performance.now()
        })
        const type = await ended.promise
        endedMs.push(performance.now() - acceptedAt)
        if (type !== 'order.completed') throw new Error(`${orderId} ended with ${type}`)
      }
    }

    await orStalled(Promise.all(Array.from({ length: inFlight }, oneAfterTheOther)))
    const orders = placed - first
    const perSecond = (until: number) => (orders / (until - startedAt)) * 1_000
    return {
      orders,
      completedPerSecond: perSecond(lastEndAt),
      settledPerSecond: perSecond(await settled(channel, failed)),
      acceptedMs: ascending(acceptedMs),
      endedMs: ascending(endedMs),
    }
  }

  async function orStalled(work: Promise<unknown>): Promise<void> {
    const stalled = deferred<never>()
    const watch = setInterval(() => {
      if (performance.now() - lastEndAt > STALLED_AFTER_MS)
        stalled.reject(new Error(`no order has ended for a minute, and ${underWay.size} are under way`))
    }, 1_000)
    try {
      await Promise.race([work, stalled.promise])
    } finally {
      clearInterval(watch)
    }
  }

  return { run, close: () => connection.close() }
}

/** Lets so many through at one time, the others in turn. */
function gate(width: number) {
  let free = width
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

const QUEUES = topology.queues.map(({ name }) => name)

/** By exchange, the keys by which messages arrive that were given up, or that no binding wanted. */
function waysOfFailures(): ReadonlyMap<string, string[]> {
  const queues = failuresIn(topology)
  const ways = new Map<string, string[]>()
  for (const { source, destination, pattern } of topology.bindings)
    if (queues.has(destination)) ways.set(source, [...(ways.get(source) ?? []), pattern])
  return ways
}

/** @throws Error naming one of them */
function refuse(failed: ReadonlySet<string>): void {
  for (const way of failed) throw new Error(`a message was given up, or wanted by nobody: ${way}`)
}

/**
 * Waits until every queue is empty and gives the moment from which that was so. One queue after the other, since asking is work
 * for the broker.
 */
async function settled(channel: Channel, failed: ReadonlySet<string>): Promise<number> {
  for (;;) {
    const since = performance.now()
    let hasWaited = false
    for (const queue of QUEUES)
      for (; (await channel.checkQueue(queue)).messageCount > 0; await delay(LOOK_EVERY_MS)) {
        hasWaited = true
        refuse(failed)
        if (performance.now() - since > 2 * STALLED_AFTER_MS) throw new Error(`${queue} does not become empty`)
      }
    if (hasWaited) continue
    refuse(failed)
    return since
  }
}
