// What a chaos run does with messages beside the services: throws garbage into queues, and sends copies of real messages
// again, late and in another order. Its record of the garbage is part of the oracle's ground.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConfirmChannel, connect, type GetMessage } from 'amqplib'
import type { Thrown } from './oracle/snapshot.ts'
import { type Random, randomFrom, seedFor } from './random.ts'

export interface Messages {
  garbage: Thrown[]
  /** How many copies were published. */
  copies(): number
  /** Resolves when the queue that recorded is gone. */
  stop(): Promise<void>
}

const RECORDING = 'chaos.recording'
const RECORDED_MAX = 500
const EVERY_MS = 400
const COPIES_AT_ONCE = 12

/** Where garbage is thrown. What has an envelope would be kept by the audit, whatever its type, as it should be. */
const TARGETS = [
  'order.queue',
  'inventory.queue',
  'payment.queue',
  'shipping.queue',
  'notification.queue',
  'notification.email.queue',
  'payment.rpc.queue',
  'inventory.rpc.queue',
  'audit.queue',
] as const

export function startMessages(amqpUrl: string, seed: number): Messages {
  const random = randomFrom(seedFor(seed, 'messages'))
  const garbage: Messages['garbage'] = []
  const stopped = new AbortController()
  let copies = 0

  /** One connection, for as long as it lasts. */
  async function session(): Promise<void> {
    const connection = await connect(amqpUrl, { timeout: 3_000 })
    connection.on('error', () => undefined)
    const lost = new Promise<void>((resolve) => connection.once('close', resolve))
    try {
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => undefined)
      const arguments_ = { 'x-max-length': RECORDED_MAX, 'x-queue-type': 'classic' }
      await channel.assertQueue(RECORDING, { durable: true, arguments: arguments_ })
      await channel.bindQueue(RECORDING, 'audit.fanout.exchange', '')
      while (!stopped.signal.aborted) {
        await Promise.race([turn(channel), lost])
        await delay(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
      }
      await Promise.race([channel.deleteQueue(RECORDING), lost])
    } finally {
      await Promise.race([connection.close().catch(() => undefined), delay(2_000)])
    }
  }

  async function turn(channel: ConfirmChannel): Promise<void> {
    if (random.chance(0.3) || garbage.length === 0) await throwGarbage(channel)
    const recorded: GetMessage[] = []
    for (let count = random.between(0, COPIES_AT_ONCE); count > 0; count--) {
      const message = await channel.get(RECORDING, { noAck: true })
      if (message) recorded.push(message)
    }
    // Some twice: a copy may follow its original by a moment or by minutes.
    for (const message of random.shuffle([...recorded, ...recorded.slice(0, 2)])) await again(channel, message)
  }

  async function again(channel: ConfirmChannel, { fields, properties, content }: GetMessage): Promise<void> {
    const { exchange, routingKey } = fields
    const { expiration: _, deliveryMode: __, ...kept } = properties
    await confirmed(channel, exchange, routingKey, content, { ...kept, headers: properties.headers ?? {} })
    copies += 1
  }

  async function throwGarbage(channel: ConfirmChannel): Promise<void> {
    const queue = random.pick(TARGETS)
    const id = `garbage-${seed}-${garbage.length + 1}`
    const body = garbageFor(random, queue, id)
    const digest = createHash('sha256').update(body).digest('hex')
    const thrown: Thrown = { id, queue, digest, wants: 'dead letter', confirmed: false, atMs: Date.now() }
    garbage.push(thrown)
    let isReturned = false
    const returned = (message: { properties: { messageId?: unknown } }) => {
      isReturned ||= message.properties.messageId === id
    }
    channel.on('return', returned)
    try {
      await confirmed(channel, '', queue, body, { messageId: id, type: 'garbage', mandatory: true })
      thrown.confirmed = !isReturned
    } finally {
      channel.off('return', returned)
    }
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      // The broker is away, which is what others see to.
      await session().catch(() => undefined)
      await delay(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    garbage,
    copies: () => copies,
    async stop() {
      stopped.abort()
      await running
      await removeRecording(amqpUrl)
    },
  }
}

function confirmed(
  channel: ConfirmChannel,
  exchange: string,
  routingKey: string,
  body: Buffer,
  properties: object,
): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.publish(exchange, routingKey, body, { ...properties, persistent: true }, (error) =>
      error ? reject(error) : resolve(),
    )
  })
}

/** The session that should have removed it may have been lost. */
async function removeRecording(amqpUrl: string): Promise<void> {
  const connection = await connect(amqpUrl, { timeout: 3_000 })
  const channel = await connection.createChannel()
  await channel.deleteQueue(RECORDING)
  await connection.close()
}

function garbageFor(random: Random, queue: (typeof TARGETS)[number], id: string): Buffer {
  const envelope = { specversion: '1.0', id, source: '/chaos', subject: 'chaos', time: '2026-01-01T00:00:00.000Z' }
  const shapes: string[] = [
    `this is no JSON {${id}`,
    `["${id}"]`,
    JSON.stringify({ ...envelope, specversion: '0.3', type: 'order.created' }),
    JSON.stringify({ ...envelope, type: 'order.exploded', data: {} }),
    JSON.stringify({ ...envelope, type: 'order.created', dataschema: 'urn:orders:order.created:99', data: {} }),
    JSON.stringify({
      ...envelope,
      type: 'order.created',
      dataschema: 'urn:orders:order.created:1',
      data: { lines: 7 },
    }),
  ]
  // Of these the audit keeps whatever has an envelope.
  const fitting = queue === 'audit.queue' ? shapes.slice(0, 3) : shapes
  return Buffer.from(fitting[random.between(0, fitting.length - 1)] ?? '')
}
