// Something urgent among ten thousand bulk mails: how long after its 202 the mail server has it, while they drain.
import { eventually } from '@orders/shared/testing'
import { connect } from 'amqplib'
import { prepareSystem, type System } from '../tests/support/system.ts'
import { EMAIL_QUEUE, startWorker } from './worker.ts'

export interface PriorityOptions {
  amqpUrl: string
  servicesDir: string
  /** Bulk mails that wait when the first urgent one is asked for. */
  waiting: number
}

export interface PriorityTimes {
  /** From the 202 to the mail server's acceptance, one after the other. */
  ms: number[]
  /** Bulk mails that waited still when the last one was accepted. */
  leftWaiting: number
}

const URGENT_MAILS = 10
/** So many bulk mails are accepted before each urgent one is asked for. */
const BETWEEN = 100
const ASKED_AT_ONCE = 500
const QUEUED_WITHIN_MS = 120_000
/** While the bulk mails are queued the mail server takes its time, and never so long that it seems dead. */
const SLOW_MS = 1_000

export async function measurePriority({ amqpUrl, servicesDir, waiting }: PriorityOptions): Promise<PriorityTimes> {
  const sink = await startWorker('smtp-sink.ts')
  const { url } = await sink.heard<{ url: string }>()
  const system = await prepareSystem({ amqpUrl, servicesDir, onDisk: true, environment: { SMTP_URL: url } })
  const connection = await connect(amqpUrl, { noDelay: true })
  try {
    await system.start('notification')
    const channel = await connection.createChannel()
    const left = async () => (await channel.checkQueue(EMAIL_QUEUE)).messageCount
    sink.running.send({ delayMs: SLOW_MS })
    // A few more than are to wait: some are at the mail server already.
    for (let asked = 0; asked < waiting + ASKED_AT_ONCE; asked += ASKED_AT_ONCE) await askForBulk(system, asked)
    await eventually('the bulk mails wait', async () => (await left()) >= waiting, QUEUED_WITHIN_MS)
    sink.running.send({ delayMs: 0 })
    const ms: number[] = []
    for (let number = 0; number < URGENT_MAILS; number++) {
      const most = waiting - (number + 1) * BETWEEN
      await eventually('they drain', async () => (await left()) <= most, QUEUED_WITHIN_MS)
      await ask(system, mailTo(`urgent-${number}`, 'urgent'))
      const askedAt = performance.now()
      await sink.heard<{ urgent: string }>()
      ms.push(performance.now() - askedAt)
    }
    return { ms, leftWaiting: await left() }
  } finally {
    await connection.close()
    await system.stop()
    await sink.stop()
  }
}

const mailTo = (name: string, priority: 'urgent' | 'bulk') => ({
  to: { email: `${name}@example.com` },
  category: 'newsletter',
  priority,
  subject: 'News',
  body: 'It is new.\n\nKind regards',
})

async function askForBulk(system: System, from: number): Promise<void> {
  await ask(
    system,
    Array.from({ length: ASKED_AT_ONCE }, (_, index) => mailTo(`bulk-${from + index}`, 'bulk')),
  )
}

async function ask(system: System, body: object): Promise<void> {
  const { status } = await system.post('/notifications', body, 'notification')
  if (status !== 202 && status !== 207) throw new Error(`POST /notifications answered ${status}`)
}
