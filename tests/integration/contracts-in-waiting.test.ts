// What waits in the queues of a real broker is read by today's contracts, and is still there afterwards.
import { registry, topology } from '@orders/shared/contracts'
import { openRabbit } from '@orders/shared/messaging'
import { eventually, keepingLog } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lookAtWaiting } from '../../scripts/contracts/waiting.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost

beforeAll(async () => {
  vhost = await createVhost()
})

afterAll(() => vhost.remove())

it('names the message that no reader takes, and leaves every message in its place', async () => {
  const { log } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({
    url: vhost.amqpUrl,
    name: 'order-service',
    owner: 'order-service',
    topology,
    log,
    broken,
  })
  await broker.ready()
  const event = {
    ...{ specversion: '1.0', id: '1/payment.failed', source: '/payment-service', type: 'payment.failed', subject: '1' },
    ...{ time: '2026-01-01T00:00:00.000Z', dataschema: 'urn:orders:payment.failed:1' },
  }
  const send = (data: object) =>
    broker.publish({
      ...{ exchange: '', routingKey: 'order.queue', body: Buffer.from(JSON.stringify({ ...event, data })) },
      properties: { messageId: event.id, type: event.type, headers: {} },
    })
  await send({ reason: 'declined', totalCents: 100 })
  await send({ reason: 'declined' })
  await broker.close(1_000)
  const { breaks, looked } = await lookAtWaiting(vhost.amqpUrl, topology, registry, 100)
  expect(looked).toEqual(['order.queue: read 2 of 2 messages and returned them'])
  expect(breaks).toEqual([
    {
      ...{
        reader: "order-service (today's)",
        queue: 'order.queue',
        contract: 'payment.failed',
        field: '1/payment.failed',
      },
      why: expect.stringContaining('totalCents'),
    },
  ])
  await eventually('both messages are back', async () => (await vhost.count('order.queue')) === 2)
})
