// Facts are said again by an operator whose name and reason are on record before anything is said.
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode, type Publication } from '@orders/shared/messaging'
import { readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { auditService } from '../../service.ts'

const by = { operator: 'ann', reason: 'its queue was purged' }
const START = Date.parse('2026-11-21T08:30:00.000Z')
const HOUR_MS = 3_600_000

/** With an order that has waited for an hour; `publish` stands between the service and its broker. */
async function start(publish: (publication: Publication) => Promise<void>) {
  const scratch = await scratchFolder()
  const memory = createMemoryBroker(topology)
  let nowMs = START
  const { log } = await keepingLog('audit-service')
  const config = { ...readConfig(AuditConfig, { DATA_DIR: scratch.path }), portBase: 0 }
  const service = await startService(auditService, config, {
    log,
    now: () => new Date(nowMs),
    openBroker: (name) => ({ ...memory.connect(name), publish }),
    broken: (error) => {
      throw error
    },
  })
  onTestFinished(async () => {
    await service.close()
    await scratch.remove()
  })
  const ask = async (path: string, body?: object) => {
    const answer = await fetch(service.url + path, {
      ...(body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    return {
      status: answer.status,
      body: (await answer.json()) as { kept?: number; actions?: object[]; hops?: object[] },
    }
  }
  const data = { user: 'gayal', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
  const created = OrderCreated.of('123', new Date(START).toISOString(), data)
  await memory.connect('order-service').publish(encode(registry, created, 'order-service', {}))
  await eventually('it is kept', async () => (await ask('/audit/events')).body.kept === 1)
  nowMs += HOUR_MS
  return { ask, memory, created }
}

const hop = 'order.created → inventory.reserved or inventory.out_of_stock or inventory.price_changed'
const cases: [string, string, object, object][] = [
  ['of an order', '/audit/orders/123/resay', by, { orderId: '123', said: ['123/order.created'] }],
  ['that a hop lost', '/audit/gaps/resay', { ...by, hop, expected: 1 }, { hop, gaps: 1 }],
]

it.each(cases)('facts %s are on record before the broker has them', async (_, path, body, about) => {
  const atThatTime: unknown[] = []
  const { ask } = await start(async () => void atThatTime.push((await ask('/actions')).body.actions))
  expect(await ask(path, body)).toMatchObject({ status: 200 })
  expect(atThatTime).toMatchObject([[{ ...by, action: 'resay', about }]])
})

it('what the broker then does not take stays on record', async () => {
  const { ask } = await start(() => Promise.reject(new Error('the broker is gone')))
  expect(await ask('/audit/orders/123/resay', by)).toMatchObject({ status: 500 })
  expect((await ask('/actions')).body).toMatchObject({ actions: [{ ...by, action: 'resay' }] })
})

it('a gap whose message is a failed message says so', async () => {
  const { ask, memory, created } = await start(async () => undefined)
  const hops = async () => (await ask('/audit/gaps')).body.hops ?? []
  await ask('/audit/orders/123/resay', by)
  expect(await hops()).toMatchObject([{ hop, count: 1, failed: 0, areAllFailed: false }])
  const { body, properties } = encode(registry, created, 'order-service', {})
  await memory.connect('test').publish({ exchange: '', routingKey: 'inventory.dlq', body, properties })
  await eventually('it is known', async () => JSON.stringify(await hops()).includes('"failed":1'))
  expect(await hops()).toMatchObject([{ hop, count: 1, failed: 1, areAllFailed: true }])
})
