// Express orders and bad news overtake what waits in a channel: strictly on one node, from RabbitMQ 4.0 on a cluster too.
import { amqpPriority, clusterTopology, topology } from '@orders/shared/contracts'
import { openRabbit } from '@orders/shared/messaging'
import { eventually, keepingLog } from '@orders/shared/testing'
import { connect } from 'amqplib'
import { expect, it } from 'vitest'
import { createVhost } from '../support/vhost.ts'

const { standard, express, failure } = amqpPriority
const sent = [standard, standard, standard, standard, express, failure, express, failure]

/** The priorities of what was sent, in the order in which a consumer that takes one at a time gets them. */
async function delivered(declared: typeof topology): Promise<{ priorities: number[]; major: number }> {
  const vhost = await createVhost()
  const { log } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name: 'priority', topology: declared, log, broken })
  try {
    for (const [number, priority] of sent.entries())
      await broker.publish({
        exchange: 'notification.exchange',
        routingKey: 'notification.requested.email',
        body: Buffer.from(String(priority)),
        properties: { messageId: `message-${number}`, priority, headers: {} },
      })
    const priorities: number[] = []
    broker.subscribe('notification.email.queue', 1, (delivery) => {
      priorities.push(Number(delivery.body))
      delivery.ack()
    })
    await eventually('all have arrived', () => priorities.length === sent.length)
    return { priorities, major: await majorVersion(vhost.amqpUrl) }
  } finally {
    await broker.close(1_000)
    await vhost.remove()
  }
}

async function majorVersion(amqpUrl: string): Promise<number> {
  const connection = await connect(amqpUrl)
  const { version } = connection.connection.serverProperties
  await connection.close()
  return Number.parseInt(version, 10)
}

it('one node: the higher priority first', async () => {
  const { priorities } = await delivered(topology)
  expect(priorities).toEqual(sent.toSorted((a, b) => b - a))
})

it('a cluster: from RabbitMQ 4.0 two urgent ones for each other one, before that in the order of arrival', async () => {
  const { priorities, major } = await delivered(clusterTopology)
  const isUrgent = priorities.map((priority) => priority > standard)
  if (major < 4) expect(priorities).toEqual(sent)
  // Urgent ones wait for one standard message at most for each two of them.
  else expect(isUrgent.slice(0, 6).filter(Boolean)).toHaveLength(4)
})
