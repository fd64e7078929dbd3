// The e-mail channel beside bare nodemailer, against the same mail server: a backlog of requests, each read from its queue,
// rendered, sent, recorded and told of.
import { OrderPaid } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { connect } from 'amqplib'
import { completed } from '../notification-service/content.ts'
import { checkedTemplates } from '../notification-service/service.ts'
import { templates as declarations } from '../notification-service/templates/schemas.ts'
import type { Running } from '../scripts/processes/child.ts'
import { prepareSystem } from '../tests/support/system.ts'
import { withChannel } from '../tests/support/vhost.ts'
import { EMAIL_QUEUE, startWorker } from './worker.ts'

export interface MailOptions {
  server: Server
  amqpUrl: string
  servicesDir: string
  mails: number
}

export interface MailRates {
  channelPerSecond: number
  barePerSecond: number
}

/** Keeps each mail on its disk before it says so, as mail servers do, or forgets it at once, as none may. */
export type Server = 'keeping' | 'forgetting'

const WARM_UP_MAILS = 500
const PREPARED_WITHIN_MS = 120_000

/** Each side is warmed up, then sends so many mails. */
export async function measureMail(options: MailOptions): Promise<MailRates> {
  const mailbox = await scratchFolder({ onDisk: true })
  const sink = await startWorker('smtp-sink.ts', ...(options.server === 'keeping' ? [mailbox.path] : []))
  try {
    const { url } = await sink.heard<{ url: string }>()
    const barePerSecond = await measureBare(url, options.mails)
    const channelPerSecond = await measureChannel(url, sink.running, options)
    return { channelPerSecond, barePerSecond }
  } finally {
    await sink.stop()
    await mailbox.remove()
  }
}

async function measureBare(smtpUrl: string, mails: number): Promise<number> {
  const mailer = await startWorker('bare-mailer.ts', smtpUrl)
  try {
    await mailer.heard()
    const send = async (count: number) => {
      mailer.running.send({ mails: count, mail: readyMail() })
      return (await mailer.heard<{ ms: number }>()).ms
    }
    await send(WARM_UP_MAILS)
    return (mails / (await send(mails))) * 1_000
  } finally {
    await mailer.stop()
  }
}

/** As the channel writes it. */
function readyMail(): object {
  const set = checkedTemplates()
  const declared = declarations.get('order.paid')
  if (!declared) throw new Error('there is no template order.paid')
  const data = completed(declared.data, declared.sample)
  const { subject, text, html } = set.render({
    template: 'order.paid',
    version: set.version,
    locale: 'en',
    currency: 'EUR',
    data,
  })
  return { from: 'Orders <orders@example.com>', to: 'bench@example.com', subject, text, html }
}

async function measureChannel(smtpUrl: string, sink: Running, { amqpUrl, servicesDir, mails }: MailOptions) {
  const system = await prepareSystem({ amqpUrl, servicesDir, onDisk: true, environment: { SMTP_URL: smtpUrl } })
  try {
    await system.start('notification')
    await backlogSent(amqpUrl, sink, WARM_UP_MAILS)
    return (mails / (await backlogSent(amqpUrl, sink, mails))) * 1_000
  } finally {
    await system.stop()
  }
}

/** Milliseconds from the moment that the mail server answers until the last mail is told of. */
async function backlogSent(amqpUrl: string, sink: Running, mails: number): Promise<number> {
  sink.send({ hold: true })
  const connection = await connect(amqpUrl, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'notification.exchange', 'notification.sent')
    const done = deferred()
    let told = 0
    await channel.consume(queue, () => ++told === mails && done.resolve(), { noAck: true })
    await askFor(amqpUrl, mails)
    await eventually(
      'every mail is asked for',
      async () =>
        (await channel.checkQueue('notification.queue')).messageCount === 0 &&
        (await waiting(channel)) >= mails - HELD_MAX,
      PREPARED_WITHIN_MS,
    )
    const started = performance.now()
    sink.send({ hold: false })
    await done.promise
    return performance.now() - started
  } finally {
    await connection.close()
  }
}

/** At the mail server already. */
const HELD_MAX = 64
const waiting = async (channel: { checkQueue(name: string): Promise<{ messageCount: number }> }) =>
  (await channel.checkQueue(EMAIL_QUEUE)).messageCount

/** As order-service says it: one mail each. */
async function askFor(amqpUrl: string, mails: number): Promise<void> {
  const run = Date.now().toString(36)
  const at = new Date().toISOString()
  const lines = [{ sku: 'item1', quantity: 2, unitPriceCents: 1_500 }]
  await withChannel(amqpUrl, async (channel) => {
    for (let number = 0; number < mails; number++) {
      const told = { user: 'bench', priority: 'standard' as const, lines, totalCents: 3_000 }
      const { exchange, routingKey, body, properties } = encode(OrderPaid.of(`${run}-${number}`, at, told), 'bench', {})
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true })
    }
  })
}
