// Whatever people or programs send, the answer is a clear refusal that names the field, and the service goes on.

import { topology } from '@orders/shared/contracts'
import { deadLetterQueueOf } from '@orders/shared/messaging'
import { eventually } from '@orders/shared/testing'
import { connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shown } from '../../scripts/dead-letters/audit.ts'
import { failedCount } from '../support/dead-letters.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

interface Problem {
  status: number
  code: string
  errors?: { field: string }[]
}

async function send(
  body: string | Buffer<ArrayBuffer>,
  contentType = 'application/json',
): Promise<{ type: string | null; problem: Problem }> {
  const answer = await fetch(`${system.url('order')}/orders`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  })
  return { type: answer.headers.get('content-type'), problem: (await answer.json()) as Problem }
}

const order = (changes: object) => JSON.stringify({ user: 'ann', items: ['item1'], ...changes })
const line = (quantity: unknown) => order({ items: [{ sku: 'item1', quantity }] })

const refusals: [
  name: string,
  body: string | Buffer<ArrayBuffer>,
  status: number,
  field: string,
  contentType?: string,
][] = [
  ['malformed JSON', '{"user": "ann", ', 400, 'body'],
  ['an empty body', '', 400, 'body'],
  ['an array', '[]', 400, 'body'],
  ['a user that is a number', order({ user: 5 }), 400, 'user'],
  ['no user', JSON.stringify({ items: ['item1'] }), 400, 'user'],
  ['items that are a text', order({ items: 'item1' }), 400, 'items'],
  ['no items', order({ items: [] }), 400, 'items'],
  ['a negative quantity', line(-1), 400, 'items.0.quantity'],
  ['a zero quantity', line(0), 400, 'items.0.quantity'],
  ['a fractional quantity', line(1.5), 400, 'items.0.quantity'],
  ['a huge quantity', line(1e15), 400, 'items.0.quantity'],
  ['a quantity that is a text', line('2'), 400, 'items.0.quantity'],
  ['10,000 lines', order({ items: Array.from({ length: 10_000 }, (_, at) => `item${at}`) }), 400, 'items'],
  ['an unknown field', order({ colour: 'red' }), 400, 'colour'],
  ['an unknown field in a line', order({ items: [{ sku: 'item1', quantity: 1, price: 1 }] }), 400, 'items.0.price'],
  ['an orderId with a slash', order({ orderId: 'a/b' }), 400, 'orderId'],
  ['an orderId with a blank', order({ orderId: 'a b' }), 400, 'orderId'],
  ['an orderId with ..', order({ orderId: 'a..b' }), 400, 'orderId'],
  ['an orderId of 5,000 characters', order({ orderId: 'a'.repeat(5_000) }), 400, 'orderId'],
  ['an unknown priority', order({ priority: 'asap' }), 400, 'priority'],
  ['a user in latin-1', Buffer.from(order({ user: 'J\u00f6rg' }), 'latin1'), 400, 'body'],
  ['half of a surrogate pair', order({ user: 'ann\ud800' }), 400, 'user'],
  ['U+0000 in an address', order({ shippingAddress: 'a\u0000' }), 400, 'shippingAddress'],
  ['U+0000 in a push address', order({ contact: { push: 'a\u0000' } }), 400, 'contact.push'],
  ['another charset', order({}), 415, 'body', 'application/json; charset=iso-8859-1'],
  ['a body of 10 MB', order({ shippingAddress: 'x'.repeat(10_000_000) }), 413, 'body'],
  ['a wrong content type', order({}), 415, 'body', 'text/plain'],
]

describe('POST /orders', () => {
  it.each(refusals)('refuses %s and names the field', async (_, body, status, field, contentType) => {
    const { type, problem } = await send(body, contentType)
    expect(type).toContain('application/problem+json')
    expect(problem).toMatchObject({ status, code: expect.stringMatching(/^[a-z_]+$/) })
    expect(problem.errors?.map((fault) => fault.field)).toContain(field)
  })

  it('tells of every faulty field at once', async () => {
    const { problem } = await send(JSON.stringify({ orderId: '/', items: [{ sku: ' ', quantity: 0 }], extra: 1 }))
    const fields = problem.errors?.map(({ field }) => field)
    expect(fields).toEqual(expect.arrayContaining(['orderId', 'user', 'items.0.sku', 'items.0.quantity', 'extra']))
  })

  it.each([
    '/orders/a%2Fb',
    `/orders/${'a'.repeat(5_000)}`,
    '/orders/%zz',
    '/orders/..%2f..',
    '/orders/a%20b',
    '/orders/%ff',
  ])('refuses the path %s', async (path) => {
    const answer = await fetch(`${system.url('order')}${path}`)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
  })

  it('adds up the quantities of a SKU that is named twice', async () => {
    const items = ['item1', { sku: 'item1', quantity: 2 }, 'item2']
    await system.post('/orders', { orderId: 'twice', user: 'ann', items })
    const { status, lines } = await system.ended('twice')
    expect(status).toBe('completed')
    expect(lines).toEqual([
      { sku: 'item1', quantity: 3, unitPriceCents: 1_000, name: 'Desk lamp' },
      { sku: 'item2', quantity: 1, unitPriceCents: 2_000, name: 'Notebook' },
    ])
  })

  it('goes on after all that', async () => {
    await system.post('/orders', { orderId: 'good', user: 'ann', items: ['item1'] })
    expect(await system.ended('good')).toMatchObject({ status: 'completed' })
  })
})

describe('garbage published straight into a queue', () => {
  const by = { operator: 'ann', reason: 'to see what came' }
  const consumerQueues = topology.queues
    .map(({ name }) => name)
    .filter((name) => topology.queues.some((other) => other.name !== name && other.name === deadLetterQueueOf(name)))
  const garbage = ['not JSON at all', '[]', '{"specversion":"0.3"}', '\u0000\uffff', '{"type":"order.created"}']

  it('is kept among the failed messages with a reason and its bytes, and the next order is handled', async () => {
    const connection = await connect(vhost.amqpUrl)
    const channel = await connection.createConfirmChannel()
    for (const queue of consumerQueues) for (const body of garbage) channel.sendToQueue(queue, Buffer.from(body), {})
    await channel.waitForConfirms()
    await connection.close()

    for (const queue of consumerQueues) {
      const failed = await failedCount(system, garbage.length, `queue=${deadLetterQueueOf(queue)}`)
      const found = await Promise.all(failed.map(({ id }) => system.get<Shown>(`/failed/${id}`, 'audit')))
      const looks = failed.map(({ id }) => system.post(`/failed/${id}/look`, by, 'audit'))
      const bodies = (await Promise.all(looks)).map(({ body }) => (body as Pick<Shown, 'body'>).body.text)
      expect(bodies.sort()).toEqual([...garbage].sort())
      for (const { code, reason, history } of found) {
        expect(code).toMatch(/^(undecodable|not_a_cloudevent|unknown_type)$/)
        expect(reason).not.toBe('')
        expect(history).toHaveLength(1)
      }
    }
    await eventually('nothing waits in a queue', async () => Object.keys(await vhost.waiting()).length === 0)

    await system.post('/orders', { orderId: 'after-garbage', user: 'ann', items: ['item1'] })
    expect(await system.ended('after-garbage')).toMatchObject({ status: 'completed' })
  })
})
