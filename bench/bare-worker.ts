// One queue's share of the bare choreography: amqplib alone, no database, no decoding, no decision. What was heard is acked when
// what follows from it is confirmed, many at once. Given a mail server, each mail is sent by nodemailer before that is told of.
import { type ConsumeMessage, connect } from 'amqplib'
import { createTransport } from 'nodemailer'
import { POOL } from '../notification-service/channels/email.ts'
import { PREFETCH } from '../notification-service/channels/prefetch.ts'
import { reactionsOf } from './choreography.ts'
import type { ReadyMail } from './mails.ts'

/** Sent to it. */
export type Told = { mails: Record<string, ReadyMail> } | { tellCpu: true }

const PREFETCH_MAX = 256
const [, , queue = '', amqpUrl = '', smtpUrl] = process.argv
const reactions = reactionsOf(queue)
// Two connections, as each service has them.
const consuming = await connect(amqpUrl, { noDelay: true })
const publishing = await connect(amqpUrl, { noDelay: true })
const publisher = await publishing.createConfirmChannel()
const channel = await consuming.createChannel()
let mails: Record<string, ReadyMail> = {}

function react({ properties: { type, correlationId } }: ConsumeMessage): void {
  for (const { exchange, routingKey, body, properties } of reactions.get(type) ?? []) {
    const { expirationMs, ...rest } = properties
    publisher.publish(exchange, routingKey, body, {
      ...rest,
      ...(expirationMs !== undefined && { expiration: String(expirationMs) }),
      correlationId,
      persistent: true,
      mandatory: true,
    })
  }
}

/** All that was heard since the last time, up to `latest`. */
let latest: ConsumeMessage | undefined
async function ackHeard(): Promise<void> {
  const message = latest
  latest = undefined
  await publisher.waitForConfirms()
  if (message) channel.ack(message, true)
}

function hear(message: ConsumeMessage): void {
  react(message)
  if (!latest) setImmediate(ackHeard)
  latest = message
}

function mailer(url: string): (message: ConsumeMessage) => Promise<void> {
  const transport = createTransport({ url, ...POOL })
  return async (message) => {
    const { correlationId, messageId } = message.properties
    const step = String(messageId).split('/').at(-1) ?? ''
    await transport.sendMail({ ...mails[step], messageId: `<${correlationId}.${step}.email@orders.example>` })
    react(message)
    await publisher.waitForConfirms()
    channel.ack(message)
  }
}

process.on('message', (told: Told) => {
  if ('mails' in told) mails = told.mails
  else {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMs: (user + system) / 1_000 })
  }
})
process.on('disconnect', () => process.exit())

await channel.prefetch(smtpUrl === undefined ? PREFETCH_MAX : PREFETCH.email)
const consumer = smtpUrl === undefined ? hear : mailer(smtpUrl)
await channel.consume(queue, (message) => message && void consumer(message))
process.send?.({ isReady: true })
