// Customers whose tokens name them: each places, sees, cancels and lists their own orders, and learns nothing of others'.
import { topology } from '@orders/shared/contracts'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OrderConfig } from '../../config.ts'
import { orderService } from '../../service.ts'

const [ANN, BOB] = ['ann-token-0123456789', 'bob-token-0123456789']
const [PLAIN, OPERATOR] = ['plain-token-0123456789', 'operator-token-0123456789']
let folder: { path: string; remove(): Promise<void> }
let service: RunningService

beforeEach(async () => {
  folder = await scratchFolder()
  const broker = createMemoryBroker(topology)
  const { log } = await keepingLog()
  const environment = {
    DATA_DIR: folder.path,
    OPERATOR_TOKENS: OPERATOR,
    CUSTOMER_TOKENS: `ann:${ANN},bob:${BOB},${PLAIN}`,
  }
  const config = { ...readConfig(OrderConfig, environment), port: 0 }
  const broken = (error: Error) => expect.unreachable(error.message)
  service = await startService(orderService, config, { log, broken, openBroker: broker.connect })
})

afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

async function ask(token: string, path: string, { body, key }: { body?: object; key?: string } = {}) {
  const answer = await fetch(`${service.url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
const placing = (user: string, orderId?: string) => ({ body: { user, items: ['item1'], ...(orderId && { orderId }) } })
const idsOf = ({ body }: { body: Record<string, unknown> }) =>
  (body.orders as { orderId: string }[]).map(({ orderId }) => orderId)

test('a customer places orders as that customer only', async () => {
  expect(await ask(ANN, '/orders', placing('ann', 'a'))).toMatchObject({ status: 202, body: { user: 'ann' } })
  expect(await ask(ANN, '/orders', placing('bob', 'b'))).toMatchObject({
    status: 403,
    body: { code: 'other_customer' },
  })
  expect((await ask(OPERATOR, '/orders/b')).status).toBe(404)
  expect((await ask(PLAIN, '/orders', placing('bob', 'b'))).status).toBe(202)
})

test('another’s order is answered as one that does not exist, on every route', async () => {
  await ask(ANN, '/orders', placing('ann', 'x'))
  for (const [path, body] of [
    ['/orders/x', undefined],
    ['/orders/x/payment', undefined],
    ['/orders/x/cancel', {}],
    ['/orders/x/payment/confirm', {}],
  ] as const) {
    const strange = await ask(BOB, path, body && { body })
    const unknown = await ask(BOB, path.replace('/x', '/y'), body && { body })
    expect([strange.status, JSON.stringify(strange.body).replace('order x', 'order y')]).toEqual([
      404,
      JSON.stringify(unknown.body),
    ])
  }
  const own = await ask(ANN, '/orders/x')
  expect(own.body).toMatchObject({ orderId: 'x', status: 'created' })
  expect((await ask(PLAIN, '/orders/x')).body).toEqual(own.body)
  expect((await ask(ANN, '/orders/x/cancel', { body: {} })).status).toBe(202)
})

test('a customer lists their own orders, an operator everybody’s', async () => {
  for (const [token, user, orderId] of [
    [ANN, 'ann', '1'],
    [BOB, 'bob', '2'],
    [ANN, 'ann', '3'],
  ] as const)
    await ask(token, '/orders', placing(user, orderId))
  expect(idsOf(await ask(ANN, '/orders?user=ann'))).toEqual(['3', '1'])
  expect(idsOf(await ask(ANN, '/orders?user=ann&limit=1&before=3'))).toEqual(['1'])
  for (const path of ['/orders?user=bob', '/orders'])
    expect(await ask(ANN, path)).toMatchObject({ status: 403, body: { code: 'other_customer' } })
  expect(await ask(PLAIN, '/orders?user=ann')).toMatchObject({ status: 403, body: { code: 'token_refused' } })
  expect(idsOf(await ask(OPERATOR, '/orders?user=bob'))).toEqual(['2'])
  expect(idsOf(await ask(OPERATOR, '/orders'))).toEqual(['3', '2', '1'])
})

test('the same Idempotency-Key of two customers means two orders, and an order id belongs to who came first', async () => {
  const first = await ask(ANN, '/orders', { ...placing('ann'), key: 'k' })
  const other = await ask(BOB, '/orders', { ...placing('bob'), key: 'k' })
  expect(other.body).toMatchObject({ user: 'bob' })
  expect(other.body.orderId).not.toBe(first.body.orderId)
  expect((await ask(BOB, '/orders', { ...placing('bob'), key: 'k' })).body).toEqual(other.body)
  const taken = await ask(BOB, '/orders', placing('bob', String(first.body.orderId)))
  expect(taken).toMatchObject({ status: 409, body: { code: 'order_exists' } })
  expect(JSON.stringify(taken.body)).not.toContain('ann')
})

test.each([
  ['Zoë', true],
  ['Mary-Jane O’Neil', true],
  ['J.R. Smith', true],
  ['李小龍', true],
  ['you won 500', false],
  ['claim it at evil.example', false],
  ['a/b', false],
  ['...', false],
  ['', false],
  ['x'.repeat(61), false],
])('a name is for greeting: %s', async (name, isTaken) => {
  const answer = await ask(PLAIN, '/orders', { body: { user: 'u', items: ['item1'], name } })
  expect(answer.status).toBe(isTaken ? 202 : 400)
})

test.each([
  ['Straße des 17.Juni 135\n10623 Berlin', true],
  ['c/o Ann, 12/3 Main Street', true],
  ['You have won\nclaim it at https://evil.example', false],
  ['write to me@evil.example', false],
])('an address is for parcels: %s', async (shippingAddress, isTaken) => {
  const answer = await ask(PLAIN, '/orders', { body: { user: 'u', items: ['item1'], shippingAddress } })
  expect(answer.status).toBe(isTaken ? 202 : 400)
})

test('only a GET gives out what is held of a customer, so only that is recorded as one', async () => {
  const headers = { authorization: `Bearer ${OPERATOR}` }
  const answer = await fetch(`${service.url}/customers/ann/export?operator=ada&reason=asked`, {
    method: 'HEAD',
    headers,
  })
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, OPTIONS'])
})

test('whoever never ordered is forgotten by their name, and not by a pseudonym that nobody has', async () => {
  const nobody = `cus_${'a'.repeat(26)}`
  expect(await ask(OPERATOR, `/customers/${nobody}/forget`, { body: {} })).toMatchObject({
    status: 404,
    body: { code: 'no_such_customer' },
  })
  const asked = await ask(OPERATOR, '/customers/cleo/forget', { body: {} })
  expect(asked).toMatchObject({ status: 202, body: { request: '1', completedAt: null } })
  expect(await ask(OPERATOR, '/customers/cleo/forget', { body: {} })).toEqual(asked)
})
