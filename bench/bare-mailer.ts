// Bare nodemailer, in a process of its own: sends one ready mail again and again by the pool that the e-mail channel has,
// with as many under way, and says how long that took.
import { createTransport } from 'nodemailer'
import { POOL } from '../notification-service/channels/email.ts'
import { PREFETCH } from '../notification-service/channels/prefetch.ts'

interface Order {
  mails: number
  mail: { from: string; to: string; subject: string; text: string; html: string }
}

const transport = createTransport({ url: process.argv[2] ?? '', ...POOL })

process.on('message', async ({ mails, mail }: Order) => {
  let next = 0
  const sendOneByOne = async () => {
    for (let number = next++; number < mails; number = next++)
      await transport.sendMail({ ...mail, messageId: `<bench-${number}@orders.example>` })
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: PREFETCH.email }, sendOneByOne))
  process.send?.({ ms: performance.now() - started })
})
process.on('disconnect', () => process.exit())
process.send?.({ isReady: true })
