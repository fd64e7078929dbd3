// The bare choreography: the messages of plain orders on the same topology by amqplib alone, and, given a mail server, the same
// four mails an order by nodemailer. What no system can outrun that sends these messages.
import { topology } from '@orders/shared/contracts'
import { declareTopology } from '@orders/shared/messaging'
import { connectTo } from './amqp.ts'
import type { Told } from './bare-worker.ts'
import { consumedQueues, placement } from './choreography.ts'
import { readyMails } from './mails.ts'
import { sum } from './numbers.ts'
import { startWorker, type Worker } from './worker.ts'

export interface BareFlow {
  place(orderId: string): Promise<void>
  /** What all its consumers have used of a processor since they began. */
  cpuMs(): Promise<number>
  stop(): Promise<void>
}

const MAILED = 'notification.email.queue'

export async function startBareFlow(amqpUrl: string, smtpUrl?: string): Promise<BareFlow> {
  const connection = await connectTo(amqpUrl)
  await declareTopology(connection, topology)
  const publisher = await connection.createConfirmChannel()
  const workers = await Promise.all(consumedQueues.map((queue) => startConsumer(queue, amqpUrl, smtpUrl)))
  const tellCpu: Told = { tellCpu: true }
  return {
    place: (orderId) =>
      new Promise<void>((resolve, reject) => {
        const { exchange, routingKey, body, properties } = placement
        const options = { ...properties, correlationId: orderId, persistent: true, mandatory: true }
        publisher.publish(exchange, routingKey, body, options, (error) => (error ? reject(error) : resolve()))
      }),
    async cpuMs() {
      const told = await Promise.all(workers.map((worker) => worker.asked<{ cpuMs: number }>(tellCpu)))
      return sum(told.map(({ cpuMs }) => cpuMs))
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()))
      await connection.close()
    },
  }
}

async function startConsumer(queue: string, amqpUrl: string, smtpUrl: string | undefined): Promise<Worker> {
  const sendsMails = queue === MAILED && smtpUrl !== undefined
  const worker = await startWorker('bare-worker.ts', queue, amqpUrl, ...(sendsMails ? [smtpUrl] : []))
  await worker.heard()
  const mails: Told = { mails: readyMails() }
  if (sendsMails) worker.running.send(mails)
  return worker
}
