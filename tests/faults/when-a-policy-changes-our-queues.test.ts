// An operator's policy for all queues lets dead letters vanish and timers come early: the service that takes from them says so,
// goes on, and is well again once the policy is gone.
import { readConfig, startService } from '@orders/shared/runtime'
import { eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { ShippingConfig } from '../../shipping-service/config.ts'
import { shippingService } from '../../shipping-service/service.ts'
import { createVhost } from '../support/vhost.ts'

it('readiness names the queue, the policy and what it costs, until it is removed', async () => {
  const vhost = await createVhost()
  onTestFinished(() => vhost.remove())
  const folder = await scratchFolder()
  onTestFinished(folder.remove)
  const { log, lines } = await keepingLog()
  const environment = {
    AMQP_URL: vhost.amqpUrl,
    DATA_DIR: folder.path,
    MANAGEMENT_URL: process.env.TEST_MANAGEMENT_URL,
  }
  const config = { ...readConfig(ShippingConfig, environment), port: 0 }
  const broken = (error: Error) => expect.unreachable(error.message)
  const definition = { 'message-ttl': 10_000, 'max-length': 100 }
  await vhost.api('PUT', 'policies/all', { pattern: '.*', definition, 'apply-to': 'queues' })

  const service = await startService(shippingService, config, { log, broken })
  onTestFinished(async () => void (await service.close()))
  await service.ready()
  const ready = async () => (await fetch(`${service.url}/health/ready`)).json() as Promise<{ detail?: string }>
  // The management API says what holds for a queue some seconds later. Then a new connection asks anew.
  const askedAnewOnce = async (isSo: (found: { 'message-ttl'?: number } | undefined) => boolean) => {
    await eventually('the broker says so', async () => {
      const found = (await vhost.api('GET', 'queues')) as { effective_policy_definition?: object }[]
      return found.length > 0 && found.every((queue) => isSo(queue.effective_policy_definition))
    })
    await eventually('it is cut', async () => (await vhost.cutConnections('shipping-service publish')) > 0)
  }
  await askedAnewOnce((found) => found?.['message-ttl'] === 10_000)

  // Of its first connection, it may have been told of some.
  const told = await eventually('it is told of each', async () => {
    const { detail = '' } = await ready()
    const reasons = detail.split('; ').filter((reason) => reason.startsWith('broker: policy'))
    return reasons.length >= 14 && reasons.sort()
  })
  expect(told).toEqual(
    [
      'shipping.dlq: max-length 100: beyond it the oldest messages are lost',
      'shipping.dlq: message-ttl 10000: a message that waits longer is lost',
      'shipping.keys.dlq: max-length 100: beyond it the oldest messages are lost',
      'shipping.keys.dlq: message-ttl 10000: a message that waits longer is lost',
      'shipping.keys.queue: max-length 100: beyond it the broker refuses further messages for this queue',
      'shipping.keys.queue: message-ttl 10000: a message that waits longer becomes a dead letter',
      'shipping.ops.queue: max-length 100: beyond it the oldest messages are lost',
      'shipping.ops.queue: message-ttl 10000: a message that waits longer is lost',
      'shipping.queue: max-length 100: beyond it the broker refuses further messages for this queue',
      'shipping.queue: message-ttl 10000: a message that waits longer becomes a dead letter',
      'shipping.transit.queue: max-length 100: beyond it the broker refuses further messages for this queue',
      'shipping.transit.queue: message-ttl 10000: a timer comes back early',
      'unrouted.queue: max-length 100: beyond it the oldest messages are lost',
      'unrouted.queue: message-ttl 10000: a message that waits longer is lost',
    ].map((reason) => `broker: policy all on ${reason}`),
  )
  const warnings = () => lines.filter(({ msg }) => msg === 'a policy of the broker changes a queue')
  expect(warnings()).toHaveLength(told.length)

  await vhost.api('DELETE', 'policies/all')
  await askedAnewOnce((found) => found?.['message-ttl'] === undefined)
  await eventually('it is ready', async () => (await ready()).detail === undefined)
  expect(warnings()).toHaveLength(told.length)
  expect(lines.map(({ msg }) => msg)).toContain('no policy of the broker changes a queue any more')
})
