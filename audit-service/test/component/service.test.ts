// The whole service over an in-memory broker and a scratch database.
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode, traceIdOf } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { MASK } from '../../personal/masked.ts'
import { auditService } from '../../service.ts'

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let broker: MemoryBroker
let service: RunningService

beforeEach(async () => {
  scratch = await scratchFolder()
  broker = createMemoryBroker(topology)
  const config = { ...readConfig(AuditConfig, { DATA_DIR: scratch.path, OPERATOR_TOKENS: token }), portBase: 0 }
  const { log } = await keepingLog('audit-service')
  service = await startService(auditService, config, {
    log,
    now: () => new Date('2026-11-21T08:30:30.000Z'),
    openBroker: (name) => broker.connect(name),
    broken: (error) => {
      throw error
    },
  })
})
afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await scratch.remove()
})

const token = 'a-token-of-an-operator'
const at = '2026-11-21T08:30:00.000Z'
const get = (path: string, headers = {}) =>
  fetch(service.url + path, { headers: { authorization: `Bearer ${token}`, ...headers } })
const json = async (path: string) => (await get(path)).json() as Promise<Record<string, unknown>>
const publish = (body: Buffer, headers = {}) =>
  broker
    .connect('test')
    .publish({ exchange: 'order.exchange', routingKey: 'order.created', body, properties: { headers } })
const created = OrderCreated.of('123', at, {
  user: 'gayal',
  priority: 'standard',
  lines: [{ sku: 'item1', quantity: 1 }],
})
const envelope = encode(registry, created, 'order-service', { causationId: 'request-1' })
const kept = (count: number) =>
  eventually(`${count} events are kept`, async () => {
    const { events } = (await json('/audit/events')) as { events: Record<string, unknown>[] }
    return events.length === count && events
  })

const look = async (path: string) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ operator: 'ann', reason: 'to see what came' })
  return (await fetch(service.url + path, { method: 'POST', headers, body })).json() as Promise<Record<string, unknown>>
}
const bodies = async () => {
  const { events } = (await json('/audit/events?bodies=true')) as { events: { body: string }[] }
  return events.map(({ body }) => JSON.parse(body))
}

it('keeps what it knows and what it does not, once, as it was said', async () => {
  const ofTomorrow = {
    ...JSON.parse(envelope.body.toString()),
    id: '123/order.created/2',
    dataschema: 'urn:orders:order.created:9',
  }
  const unknown = { ...ofTomorrow, id: '123/order.teleported', type: 'order.teleported', data: [1] }
  await broker.connect('test').publish(envelope)
  await broker.connect('test').publish(envelope)
  await publish(Buffer.from(JSON.stringify(ofTomorrow)))
  await publish(Buffer.from(JSON.stringify(unknown)))
  const events = await kept(3)
  expect(events).toMatchObject([
    {
      ...{ sequence: 1, id: '123/order.created', causationId: 'request-1' },
      traceId: traceIdOf(envelope.properties.headers.traceparent),
      event: { data: { priority: 'standard' } },
    },
    // Nobody here knows what of these tells about people.
    { sequence: 2, causationId: null, traceId: null, event: { ...ofTomorrow, data: MASK } },
    { sequence: 3, type: 'order.teleported', event: { ...unknown, data: MASK } },
  ])
  expect(await bodies()).toEqual([JSON.parse(envelope.body.toString()), ofTomorrow, unknown])
  expect(await json('/audit/verify')).toMatchObject({ ok: true, events: 3, conflicts: [] })
  expect(await json('/failed')).toMatchObject({ failed: [] })
})

it('keeps the real fact beside a foreign one under its id, and shows that there are two', async () => {
  const real = JSON.parse(envelope.body.toString())
  const stranger = { ...real, source: '/stranger' }
  const liar = { ...real, data: { ...real.data, user: 'somebody' } }
  for (const body of [stranger, liar]) await publish(Buffer.from(JSON.stringify(body)))
  await broker.connect('test').publish(envelope)
  await broker.connect('test').publish(envelope)
  expect(await kept(3)).toMatchObject([
    { sequence: 1, conflict: false },
    { sequence: 2, conflict: false },
    { sequence: 3, conflict: true },
  ])
  expect(await bodies()).toEqual([stranger, liar, real])
  expect(await json('/audit/verify')).toMatchObject({ ok: true, events: 3, conflicts: [3] })
  const story = await json('/audit/orders/123')
  expect(story).toMatchObject({ conflicts: [3] })
  expect(story.entries).toMatchObject([{ service: 'stranger' }, { service: 'order' }])
  const text = await (await get('/audit/orders/123?format=text')).text()
  expect(text).toMatch(/\nOther bodies came under ids that this story shows: GET \/audit\/events\?orderId=123\n$/)
})

it('puts what is no event into the dead letters, bytes kept, and goes on', async () => {
  const text = envelope.body.toString()
  const noText = Buffer.from(text.replace('gayal', '\u00ff'), 'latin1')
  await publish(Buffer.from('garbage'))
  await publish(noText)
  await publish(Buffer.from(text.replace('123/order', '123\\u0000/order')))
  await publish(Buffer.from(text.replace('123/order', '123\\ud800/order')))
  await publish(envelope.body)
  await kept(1)
  const failed = await eventually('four dead letters', async () => {
    const page = (await json('/failed?queue=audit.dlq')) as { failed: { id: string; code: string }[] }
    return page.failed.length === 4 && page.failed
  })
  expect(failed.map(({ code }) => code)).toEqual(['undecodable', 'undecodable', 'undecodable', 'undecodable'])
  const shown = await Promise.all(failed.map(async ({ id }) => (await json(`/failed/${id}`)).body))
  expect(shown).toContainEqual({ text: `${MASK} (7 bytes of no known form)` })
  const looked = await Promise.all(failed.map(async ({ id }) => (await look(`/failed/${id}/look`)).body))
  expect(looked).toEqual(expect.arrayContaining([{ text: 'garbage' }, { base64: noText.toString('base64') }]))
})

it('tells the story as data and as text, to operators only', async () => {
  await broker.connect('test').publish(envelope)
  await kept(1)
  expect(await json('/audit/orders/123')).toMatchObject({
    orderId: '123',
    ended: null,
    entries: [{ type: 'order.created', sentence: 'a customer ordered 1 line' }],
    next: null,
    gaps: [
      {
        after: 'order.created',
        missing: ['inventory.reserved', 'inventory.out_of_stock', 'inventory.price_changed'],
        status: 'waiting',
        sinceMs: 30_000,
      },
    ],
  })
  const text = await get('/audit/orders/123', { accept: 'text/plain' })
  expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(await text.text()).toMatch(/^Order 123: not ended yet\n/)
  expect(await (await get('/audit/orders/123?format=text')).text()).toMatch(/^Order 123/)
  const unknown = await get('/audit/orders/none')
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: 'no_such_order' }])
  for (const path of ['/audit/orders/123', '/audit/events', '/audit/verify'])
    expect((await fetch(service.url + path)).status).toBe(401)
})

it('tells of more than a thousand events where to go on', async () => {
  const of = (n: number) => Buffer.from(JSON.stringify({ ...JSON.parse(envelope.body.toString()), id: `123/e${n}` }))
  for (let n = 1; n <= 1_001; n++) await publish(of(n))
  await eventually('all are kept', async () => (await json('/audit/events?limit=1')).kept === 1_001)
  const story = await json('/audit/orders/123')
  expect([(story.entries as unknown[]).length, story.next]).toEqual([1_000, 1_000])
  const text = await (await get('/audit/orders/123?format=text')).text()
  expect(text).toMatch(/\nThere is more: GET \/audit\/events\?orderId=123&after=1000\n$/)
  expect(await json('/audit/events?orderId=123&after=1000')).toMatchObject({
    events: [{ id: '123/e1001' }],
    next: null,
  })
})

it('gives the events page by page', async () => {
  for (const n of [1, 2, 3])
    await publish(Buffer.from(JSON.stringify({ ...JSON.parse(envelope.body.toString()), id: `e${n}` })))
  await kept(3)
  const first = await json('/audit/events?limit=2')
  expect([(first.events as unknown[]).length, first.next]).toEqual([2, 2])
  const second = await json(`/audit/events?limit=2&after=${first.next}`)
  expect(second).toMatchObject({ events: [{ sequence: 3 }], next: null, kept: 3 })
  const newest = await json('/audit/events?newest=true&limit=2&service=order')
  expect(newest).toMatchObject({ events: [{ sequence: 3 }, { sequence: 2 }], next: 2, kept: 3 })
  const earlier = await json(`/audit/events?newest=true&limit=2&before=${newest.next}`)
  expect(earlier).toMatchObject({ events: [{ sequence: 1, sentence: 'a customer ordered 1 line' }], next: null })
  expect(await json('/audit/events?service=payment')).toEqual({ events: [], next: null, kept: 3, archived: 0 })
  const refused = await get('/audit/events?type=a%00b')
  expect([refused.status, await refused.json()]).toMatchObject([400, { errors: [{ field: 'querystring.type' }] }])
})
