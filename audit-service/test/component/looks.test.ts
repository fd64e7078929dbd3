// Personal data is masked until an operator says why they want to see it, and is shown only once that is part of the log.
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { openDatabase } from '@orders/shared/storage'
import { createMemoryBroker, eventually, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { MASK } from '../../personal/masked.ts'
import { auditService } from '../../service.ts'

const [anns, nobodys] = ['a-token-that-is-anns', 'a-token-without-a-name']
const data = {
  ...{ user: 'gayal', contact: { email: 'gayal@example.com' } },
  ...{ priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] },
}
const message = encode(registry, OrderCreated.of('123', '2026-11-21T08:30:00.000Z', data), 'order-service', {})

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let broker: MemoryBroker
let service: RunningService

beforeEach(async () => {
  scratch = await scratchFolder()
  broker = createMemoryBroker(topology)
  const environment = { DATA_DIR: scratch.path, OPERATOR_TOKENS: `ann:${anns},${nobodys}` }
  const { log } = await keepingLog('audit-service')
  service = await startService(
    auditService,
    { ...readConfig(AuditConfig, environment), portBase: 0 },
    {
      ...{ log, openBroker: (name) => broker.connect(name) },
      broken: (error) => {
        throw error
      },
    },
  )
  await broker.connect('order-service').publish(message)
  const said = { 'error-message': '550 gayal@example.com is unknown', 'x-customer': 'gayal' }
  const headers = { ...message.properties.headers, ...said }
  await broker.connect('inventory-service').publish({
    ...{ exchange: 'dead-letter.exchange', routingKey: 'inventory.queue', body: message.body },
    properties: { ...message.properties, headers },
  })
})
afterEach(async () => {
  await service.close()
  await scratch.remove()
})

async function ask(method: string, path: string, body?: object, token = anns) {
  const answer = await fetch(service.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, text, body: JSON.parse(text) }
}
const failure = () =>
  eventually('both are kept', async () => {
    const { failed } = (await ask('GET', '/failed')).body
    const { kept } = (await ask('GET', '/audit/events?limit=1')).body
    return failed.length === 1 && kept === 1 && (failed[0].id as string)
  })
const reason = 'she asks where it is'
const actions = async () => (await ask('GET', '/actions')).body.actions

it('nothing that is read tells who a customer is', async () => {
  const id = await failure()
  const paths = ['/audit/events', '/audit/orders/123', '/audit/orders/123?format=json', '/failed', '/failed/groups']
  for (const path of [...paths, `/failed/${id}`]) expect((await ask('GET', path)).text).not.toContain('gayal')
  expect((await ask('GET', '/audit/events')).body.events[0].event.data).toMatchObject({
    user: MASK,
    contact: { email: MASK },
  })
  expect(await actions()).toEqual([])
})

it('a look at an event shows it whole, and is on record with who, at what and why', async () => {
  await failure()
  const looked = await ask('POST', '/audit/events/1/look', { reason })
  expect(looked).toMatchObject({ status: 200, body: { id: '123/order.created', event: { data } } })
  const about = { event: '123/order.created', order: '123', sequence: 1 }
  expect(await actions()).toMatchObject([{ operator: 'ann', reason, action: 'look', about }])
  expect((await ask('GET', '/audit/verify')).body).toMatchObject({ ok: true, events: 2 })
})

it('a look at a failed message shows its body whole, and is on record', async () => {
  const id = await failure()
  const shown = (await ask('GET', `/failed/${id}`)).body
  expect(shown.body.text).toContain(MASK)
  expect(shown.properties.headers).toEqual({ ...message.properties.headers, 'x-customer': MASK })
  const looked = await ask('POST', `/failed/${id}/look`, { reason })
  expect(JSON.parse(looked.body.body.text)).toMatchObject({ id: '123/order.created', data })
  expect(looked.body.kept).toEqual({ text: message.body.toString() })
  expect(looked.body.properties.headers).toMatchObject({ 'x-customer': 'gayal' })
  const about = { failure: id, message: '123/order.created', order: '123' }
  expect(await actions()).toMatchObject([{ operator: 'ann', reason, action: 'look', about }])
})

it('where a look cannot be put on record, nothing is shown', async () => {
  const id = await failure()
  const database = await openDatabase('audit-service', scratch.path)
  await database.run(
    `create trigger no_more before insert on blocks begin select raise(abort, 'the log is closed'); end`,
  )
  await database.close()
  for (const path of ['/audit/events/1/look', `/failed/${id}/look`]) {
    const looked = await ask('POST', path, { reason })
    expect(looked.status).toBeGreaterThanOrEqual(500)
    expect(looked.text).not.toContain('gayal')
  }
})

it('who looks is whom the token names; who is not named says it, and nobody looks without a reason', async () => {
  await failure()
  const look = (body: object, token?: string) => ask('POST', '/audit/events/1/look', body, token)
  expect((await look({ reason, operator: 'bob' })).status).toBe(200)
  expect((await look({ reason, operator: 'bob' }, `ann:${anns}`)).status).toBe(200)
  expect((await look({ reason, operator: 'bob' }, nobodys)).status).toBe(200)
  expect((await look({ reason }, nobodys)).status).toBe(400)
  expect((await look({})).status).toBe(400)
  expect((await actions()).map(({ operator }: { operator: string }) => operator)).toEqual(['bob', 'ann', 'ann'])
  const whoAsks = async (token: string) => (await ask('GET', '/operations/operator', undefined, token)).body
  expect([await whoAsks(anns), await whoAsks(nobodys)]).toEqual([{ operator: 'ann' }, { operator: null }])
})

it('what is not there is not looked at, and that is no action', async () => {
  await failure()
  expect(await ask('POST', '/audit/events/99/look', { reason })).toMatchObject({ status: 404 })
  expect(await ask('POST', `/failed/${'0'.repeat(32)}/look`, { reason })).toMatchObject({ status: 404 })
  expect(await actions()).toEqual([])
})

it('orders of a customer are found by their whole name, which is shown to nobody', async () => {
  await failure()
  const about = async (customer: string) => {
    const { text, body } = await ask('GET', `/audit/events?customer=${customer}`)
    expect(text).not.toContain('example.com')
    return body.events[0].ofCustomer
  }
  expect([await about('Gayal'), await about('gaya'), await about('example.com')]).toEqual([true, false, false])
})
