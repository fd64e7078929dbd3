// The broker is stopped, or killed, under load and comes back: orders are taken meanwhile, and every one ends.

import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let vhost: Vhost
let system: System

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 180_000)

afterAll(async () => {
  await system?.stop()
  await node?.stop()
  await folder?.remove()
}, 60_000)

it.each([
  { how: 'is stopped', away: () => node.stop() },
  { how: 'is killed', away: () => node.kill() },
])(
  'that $how: orders are taken while it is down and all end once it is back',
  async ({ how, away }) => {
    const prefix = how.replace(' ', '-')
    const initial = await stockOf(system)
    const before = Array.from({ length: 200 }, (_, number) => orderForm(`${prefix}-before`, number))
    const meanwhile = Array.from({ length: 50 }, (_, number) => orderForm(`${prefix}-meanwhile`, number))
    const placing = placeAll(system, before)
    await eventually('orders are under way', async () => (await vhost.queues()).some(({ messages }) => messages > 0))
    await away()
    await placing
    await placeAll(system, meanwhile)
    const readiness = await fetch(`${system.url('order')}/health/ready`)
    expect(readiness.status).toBe(503)
    expect(await readiness.text()).toContain('broker')
    expect((await system.order(`${prefix}-meanwhile-0`)).status).toBe('created')

    await node.restart()
    const ids = [...before, ...meanwhile].map(({ orderId }) => orderId)
    const orders = await endedAll(system, ids, 90_000)
    expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(250 * 0.7)
    await eventually('every queue has drained', async () => (await vhost.queues()).every(({ messages }) => !messages))
    await expectAgreement(system, orders, initial)
  },
  180_000,
)
