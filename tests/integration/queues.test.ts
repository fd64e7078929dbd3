// What RabbitMQ itself says of queues: how much waits, whether anybody takes it, and since when.
import { topology } from '@orders/shared/contracts'
import { managementOf } from '@orders/shared/messaging'
import { eventually, keepingLog } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { watchQueues } from '../../audit-service/queues/watch.ts'
import { createVhost, withChannel } from '../support/vhost.ts'

const QUORUM = 'payment.queue'
const CLASSIC = 'notification.email.queue'

it('a queue without a consumer and one that is emptied are told as they are', async () => {
  const vhost = await createVhost()
  onTestFinished(() => vhost.remove())
  const { log } = await keepingLog()
  const queues = topology.queues.filter(({ name }) => name === QUORUM || name === CLASSIC)
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const { name, arguments: own } of queues) await channel.assertQueue(name, { durable: true, arguments: own })
  })
  const watching = watchQueues({
    management: managementOf(vhost.amqpUrl, process.env.TEST_MANAGEMENT_URL),
    ...{ queues, log, now: () => new Date(), everyMs: 3_600_000, ageMaxMs: 60_000 },
    takerOf: ({ owner = '' }) => owner,
  })
  onTestFinished(() => watching.close())
  const toldOf = async (name: string) => {
    await watching.look()
    return (await watching.latest()).queues.find(({ queue }) => queue === name)
  }

  const saidAt = Math.floor(Date.now() / 1_000) - 500
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const { name } of queues)
      for (let one = 0; one < 3; one++)
        channel.sendToQueue(name, Buffer.from('x'), { persistent: true, timestamp: saidAt })
  })
  const classic = await eventually('the broker counts them', async () => {
    const found = await toldOf(CLASSIC)
    return found?.messages === 3 && found.oldestBy === 'said' ? found : false
  })
  expect(classic).toMatchObject({
    ...{ consumers: 0, unacknowledged: 0, backsUp: 'no_consumer', service: 'notification-service' },
  })
  expect(classic.oldestSeconds).toBeGreaterThanOrEqual(500)
  const quorum = await eventually('of the other queue too', async () => {
    const found = await toldOf(QUORUM)
    return found?.messages === 3 ? found : false
  })
  expect(quorum).toMatchObject({ consumers: 0, backsUp: 'no_consumer', nextStep: expect.stringMatching(/^Start pay/) })
  // RabbitMQ before 4 tells no timestamp of a quorum queue: it has waited at least since we saw it.
  expect(quorum.oldestSeconds).not.toBeNull()

  await withChannel(vhost.amqpUrl, (channel) => channel.purgeQueue(QUORUM))
  await eventually('it is empty', async () => {
    const found = await toldOf(QUORUM)
    return found?.messages === 0 && found.backsUp === null && found.oldestSeconds === null
  })
})
