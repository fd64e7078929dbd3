// A broker that is short of memory blocks whoever publishes: the service says so, goes on consuming, and publishes
// when the alarm is over. It has a node of its own, since an alarm holds for the whole node.
import { openRabbit, type Publication, type Topology } from '@orders/shared/messaging'
import { eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const topology: Topology = {
  exchanges: [],
  queues: [{ name: 'kept', arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 50 } }],
  bindings: [],
}
const publication = (id: string): Publication => ({
  exchange: '',
  routingKey: 'kept',
  body: Buffer.from(id),
  properties: { messageId: id, headers: {} },
})

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let vhost: Vhost

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
}, 120_000)

afterAll(async () => {
  await vhost?.remove()
  await node?.kill()
  await folder?.remove()
}, 60_000)

it('under a memory alarm nothing is published, nothing is lost, and consuming goes on', async () => {
  const { log, lines } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name: 'blocked', topology, log, broken })
  await broker.ready()
  await Promise.all(['1', '2', '3'].map((id) => broker.publish(publication(id))))
  try {
    await node.rabbitmqctl(['set_vm_memory_high_watermark', '0.0000001'])
    const confirmed: string[] = []
    const waiting = ['4', '5'].map((id) => broker.publish(publication(id)).then(() => confirmed.push(id)))

    await eventually('it says that it is blocked', () => broker.status().fault?.includes('blocked by the broker'))
    const bodies: string[] = []
    broker.subscribe('kept', 10, (delivery) => {
      bodies.push(delivery.body.toString())
      delivery.ack()
    })
    await eventually('what was there is consumed', () => bodies.length === 3)
    await eventually('and settled', async () => (await vhost.count('kept')) === 0)
    expect({ confirmed, unconfirmed: broker.status().unconfirmed }).toEqual({ confirmed: [], unconfirmed: 2 })

    await node.rabbitmqctl(['set_vm_memory_high_watermark', '0.6'])
    await Promise.all(waiting)
    await eventually('what waited arrives', () => bodies.length >= 5)
    expect([...new Set(bodies)].sort()).toEqual(['1', '2', '3', '4', '5'])
    await eventually('all is well again', () => broker.status().fault === undefined)
    const said = lines.map(({ msg }) => msg).filter((msg) => msg.includes('block'))
    expect(said).toEqual(['broker blocked the connection', 'broker unblocked the connection'])
  } finally {
    await node.rabbitmqctl(['set_vm_memory_high_watermark', '0.6'])
    await broker.close(2_000)
  }
}, 90_000)

it('closing under a memory alarm is not held up by what cannot leave', async () => {
  const { log } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const broker = openRabbit({ url: vhost.amqpUrl, name: 'closing', topology, log, broken })
  await broker.ready()
  try {
    await node.rabbitmqctl(['set_vm_memory_high_watermark', '0.0000001'])
    const stuck = broker.publish(publication('6')).catch((error: unknown) => error)
    await eventually('it says that it is blocked', () => broker.status().fault?.includes('blocked by the broker'))

    const started = performance.now()
    await broker.close(10_000)

    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await stuck).toMatchObject({ code: 'broker_closed' })
  } finally {
    await node.rabbitmqctl(['set_vm_memory_high_watermark', '0.6'])
  }
}, 90_000)
