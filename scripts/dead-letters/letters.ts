// What an operator does with dead letters: look, send again, discard. Nothing is removed before what replaces it is
// confirmed.
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AmqpTls,
  type Attempt,
  brokerUrls,
  describe,
  fromAmqp,
  historyOf,
  type Properties,
  publishable,
  toAmqp,
} from '@orders/shared/messaging'
import { asError, reached, TransientError } from '@orders/shared/runtime'
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib'

export interface DeadLetter {
  /** The message id, or what stands for it when the message has none. */
  id: string
  type: string
  subject: string
  reason: string
  service: string
  failedAt: string
  history: Attempt[]
  stack: string
  headers: Record<string, unknown>
  body: string
}

export interface DeadLetters {
  count(queue: string): Promise<number>
  /** The oldest ones, left where they are. */
  peek(queue: string, limit: number): Promise<DeadLetter[]>
  /** Sends again, as a first attempt, those that `wanted` picks; `progress` hears of each. Returns how many. */
  replay(queue: string, wanted: (letter: DeadLetter) => boolean, progress?: (done: number) => void): Promise<number>
  /** Removes those that `wanted` picks for good. */
  discard(queue: string, wanted: (letter: DeadLetter) => boolean): Promise<number>
  close(): Promise<void>
}

const UNROUTED = 'unrouted.queue'

/** Connects once; the caller closes. `queue` is a dead-letter queue's name or `unrouted.queue`. */
export async function openDeadLetters(url: string, tls: AmqpTls = {}): Promise<DeadLetters> {
  const connection = await connectToAny(brokerUrls(url), tls)

  /** Every message that was there at the start, each once; what `settle` does not ack goes back when this ends. */
  async function forEach(
    queue: string,
    limit: number,
    settle: (message: GetMessage, channel: ConfirmChannel) => Promise<boolean>,
  ): Promise<void> {
    const channel = await connection.createConfirmChannel()
    const returned = new Set<unknown>()
    let kept = 0
    channel.on('return', ({ properties }) => returned.add(properties.messageId))
    try {
      const { messageCount } = await channel.checkQueue(queue)
      for (let seen = 0; seen < Math.min(messageCount, limit); seen++) {
        const message = await channel.get(queue)
        if (!message) break
        const done = await settle(message, channel)
        if (done && returned.has(message.properties.messageId))
          throw new Error(`${queue}: its target queue does not exist`)
        if (done) channel.ack(message)
        else kept += 1
      }
      channel.nackAll(true)
      await untilBack(channel, queue, kept)
    } finally {
      await close(channel)
    }
  }

  async function pick(
    queue: string,
    wanted: (letter: DeadLetter) => boolean,
    act: (message: GetMessage, channel: ConfirmChannel) => Promise<void>,
    progress: (done: number) => void = () => undefined,
  ): Promise<number> {
    let done = 0
    await forEach(queue, Number.MAX_SAFE_INTEGER, async (message, channel) => {
      if (!wanted(letterOf(message))) return false
      await act(message, channel)
      progress(++done)
      return true
    })
    return done
  }

  return {
    async count(queue) {
      const channel = await connection.createChannel()
      const { messageCount } = await channel.checkQueue(queue)
      await close(channel)
      return messageCount
    },
    async peek(queue, limit) {
      const letters: DeadLetter[] = []
      await forEach(queue, limit, async (message) => {
        letters.push(letterOf(message))
        return false
      })
      return letters
    },
    replay(queue, wanted, progress) {
      const again = async (message: GetMessage, channel: ConfirmChannel) => {
        await sendAgain(queue, message, channel)
        reached('replay')
      }
      return pick(queue, wanted, again, progress)
    },
    discard: (queue, wanted) => pick(queue, wanted, async () => undefined),
    close: () => connection.close(),
  }
}

const BACK_TRIES = 100

/** What was only looked at goes back a moment after it was told to; whoever looks next is to find it there. */
async function untilBack(channel: ConfirmChannel, queue: string, kept: number): Promise<void> {
  for (let tries = 0; tries < BACK_TRIES; tries++) {
    const { messageCount } = await channel.checkQueue(queue)
    if (messageCount >= kept) return
    await delay(20)
  }
}

/** The first host of a cluster that answers. */
async function connectToAny(urls: string[], tls: AmqpTls): Promise<ChannelModel> {
  const faults: Error[] = []
  for (const url of urls) {
    const connection = await connect(url, { ...tls, timeout: 10_000, noDelay: true }).catch(asError)
    if (!(connection instanceof Error)) return connection
    faults.push(connection)
  }
  throw new TransientError('broker_unavailable', `no broker answers: ${faults.map(describe).join('; ')}`)
}

/** Back to the queue that gave it up, or, unrouted, by the way it first came; with a fresh count of attempts. */
function sendAgain(queue: string, message: GetMessage, channel: ConfirmChannel): Promise<void> {
  const { exchange, routingKey } = queue === UNROUTED ? message.fields : homeOf(queue)
  const { headers, ...properties } = publishable(fromAmqp(message.properties))
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith('error-'))
  const again: Properties = { ...properties, headers: { ...Object.fromEntries(kept), attempt: 1 } }
  return new Promise((resolve, reject) => {
    const options = { ...toAmqp(again), persistent: true, mandatory: true }
    channel.publish(exchange, routingKey, message.content, options, (error) => (error ? reject(error) : resolve()))
  })
}

function homeOf(deadLetterQueue: string): { exchange: string; routingKey: string } {
  return { exchange: '', routingKey: deadLetterQueue.replace(/\.dlq$/, '.queue') }
}

function letterOf({ properties, fields, content }: GetMessage): DeadLetter {
  const headers: Record<string, unknown> = properties.headers ?? {}
  const text = (name: string) => (typeof headers[name] === 'string' ? headers[name] : '')
  const body = content.toString('utf8')
  return {
    id: String(properties.messageId ?? `#${fields.deliveryTag}`),
    type: String(properties.type ?? 'unknown'),
    subject: String(properties.correlationId ?? ''),
    reason: text('error-code') ? `${text('error-code')}: ${text('error-message')}` : brokerReason(headers),
    service: text('service'),
    failedAt: text('failed-at'),
    history: historyOf(headers),
    stack: text('error-stack'),
    headers,
    body,
  }
}

/** The broker gave it up by itself: `delivery_limit` when handling it killed its consumer again and again. */
function brokerReason(headers: Record<string, unknown>): string {
  const [death]: unknown[] = Array.isArray(headers['x-death']) ? headers['x-death'] : []
  const reason = typeof death === 'object' && death !== null && 'reason' in death ? String(death.reason) : 'no queue'
  return `broker: ${reason}`
}

/** A channel that is gone is closed already. */
async function close(channel: Channel): Promise<void> {
  await channel.close().catch(() => undefined)
}
