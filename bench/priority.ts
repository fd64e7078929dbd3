// Something urgent among ten thousand bulk mails: how long after its 202 the mail server has it, while they drain.
import { eventually } from '@orders/shared/testing'
import type { System } from '../tests/support/system.ts'
import { connectTo } from './amqp.ts'
import { EMAIL_QUEUE } from './mail.ts'
import { ascending, percentile } from './numbers.ts'
import type { Figure } from './report.ts'
import { withSink } from './sink.ts'
import { type Stage, withSystem } from './stage.ts'

const URGENT_MAILS = 10
/** So many bulk mails are accepted before each urgent one is asked for. */
const BETWEEN = 100
const ASKED_AT_ONCE = 500
const QUEUED_WITHIN_MS = 120_000
/** While the bulk mails are queued the mail server takes its time, and never so long that it seems dead. */
const SLOW_MS = 1_000

export function measurePriority(stage: Stage): Promise<Figure[]> {
  const { waiting } = stage.settings
  return withSink((sink) =>
    withSystem(
      stage,
      { environment: { SMTP_URL: sink.url }, services: ['notification'] },
      async ({ system, amqpUrl }) => {
        const connection = await connectTo(amqpUrl)
        try {
          const channel = await connection.createChannel()
          const left = async () => (await channel.checkQueue(EMAIL_QUEUE)).messageCount
          sink.tell({ delayMs: SLOW_MS })
          // A few more than are to wait: some are at the mail server already.
          for (let asked = 0; asked < waiting + ASKED_AT_ONCE; asked += ASKED_AT_ONCE) await askForBulk(system, asked)
          await eventually('the bulk mails wait', async () => (await left()) >= waiting, QUEUED_WITHIN_MS)
          sink.tell({ delayMs: 0 })
          const ms: number[] = []
          for (let number = 0; number < URGENT_MAILS; number++) {
            const most = waiting - (number + 1) * BETWEEN
            await eventually('they drain', async () => (await left()) <= most, QUEUED_WITHIN_MS)
            await ask(system, mailTo(`urgent-${number}`, 'urgent'))
            const askedAt = performance.now()
            await sink.urgent()
            ms.push(performance.now() - askedAt)
          }
          stage.say(`${await left()} bulk mails waited still when the last urgent one was taken`)
          const name = (what: string) => `urgent among ${waiting} bulk mails, ${what}`
          return [
            { name: name('p50'), unit: 'ms', ours: percentile(ascending(ms), 0.5) },
            { name: name(`slowest of ${URGENT_MAILS}`), unit: 'ms', ours: Math.max(...ms) },
          ]
        } finally {
          await connection.close()
        }
      },
    ),
  )
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
