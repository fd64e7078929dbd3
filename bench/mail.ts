// The e-mail channel beside bare nodemailer, against the same mail server: a backlog of requests, each read from its queue,
// rendered, sent, recorded and told of.
import { OrderPaid, registry } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import { eventually, scratchFolder } from '@orders/shared/testing'
import type { Channel } from 'amqplib'
import { withChannel } from '../tests/support/vhost.ts'
import { connectTo } from './amqp.ts'
import { readyMails } from './mails.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { openSink, type Sink } from './sink.ts'
import { type Stage, withSystem } from './stage.ts'
import { startWorker } from './worker.ts'

/** Keeps each mail on its disk before it says so, as mail servers do, or forgets it at once, as none may. */
type Server = 'keeping' | 'forgetting'

interface Rates {
  ours: number
  beside: number
}

export const EMAIL_QUEUE = 'notification.email.queue'
const WARM_UP_MAILS = 500
const PREPARED_WITHIN_MS = 120_000

export async function measureMail(stage: Stage): Promise<Figure[]> {
  return [await measureWith(stage, 'keeping'), await measureWith(stage, 'forgetting')]
}

async function measureWith(stage: Stage, server: Server): Promise<Figure> {
  const rounds: Rates[] = []
  while (rounds.length < stage.settings.rounds) {
    const rates = await round(stage, server)
    rounds.push(rates)
    stage.say(
      `round ${rounds.length}, mails/s to a server ${server} them: channel ${number(rates.ours)}, bare nodemailer ${number(rates.beside)}`,
    )
  }
  return sideBySide(`mails to a server ${server} them`, 'mails/s', 'bare nodemailer, the same pool', rounds)
}

/** Each side is warmed up, then sends so many mails. */
async function round(stage: Stage, server: Server): Promise<Rates> {
  const mailbox = await scratchFolder({ onDisk: true })
  const sink = await openSink(server === 'keeping' ? mailbox.path : undefined)
  try {
    const beside = await measureBare(sink.url, stage.settings.mails)
    return { beside, ours: await measureChannel(stage, sink) }
  } finally {
    await sink.stop()
    await mailbox.remove()
  }
}

async function measureBare(smtpUrl: string, mails: number): Promise<number> {
  const mailer = await startWorker('bare-mailer.ts', smtpUrl)
  try {
    await mailer.heard()
    const mail = readyMails()['order.paid']
    const send = async (count: number) => (await mailer.asked<{ ms: number }>({ mails: count, mail })).ms
    await send(WARM_UP_MAILS)
    return (mails / (await send(mails))) * 1_000
  } finally {
    await mailer.stop()
  }
}

function measureChannel(stage: Stage, sink: Sink): Promise<number> {
  const { mails } = stage.settings
  return withSystem(stage, { environment: { SMTP_URL: sink.url }, services: ['notification'] }, async ({ amqpUrl }) => {
    await backlogSent(amqpUrl, sink, WARM_UP_MAILS)
    return (mails / (await backlogSent(amqpUrl, sink, mails))) * 1_000
  })
}

/** Milliseconds from the moment that the mail server answers until the last mail is told of. */
async function backlogSent(amqpUrl: string, sink: Sink, mails: number): Promise<number> {
  sink.tell({ hold: true })
  const connection = await connectTo(amqpUrl)
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
    sink.tell({ hold: false })
    await done.promise
    return performance.now() - started
  } finally {
    await connection.close()
  }
}

/** At the mail server already. */
const HELD_MAX = 64
const waiting = async (channel: Channel) => (await channel.checkQueue(EMAIL_QUEUE)).messageCount

/** As order-service says it: one mail each. */
async function askFor(amqpUrl: string, mails: number): Promise<void> {
  const run = Date.now().toString(36)
  const at = new Date().toISOString()
  const lines = [{ sku: 'item1', quantity: 2, unitPriceCents: 1_500 }]
  await withChannel(amqpUrl, async (channel) => {
    for (let number = 0; number < mails; number++) {
      const told = { user: 'bench', priority: 'standard' as const, lines, totalCents: 3_000 }
      const { exchange, routingKey, body, properties } = encode(
        registry,
        OrderPaid.of(`${run}-${number}`, at, told),
        'bench',
        {},
      )
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true })
    }
  })
}
