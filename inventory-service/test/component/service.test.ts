// The whole service over the in-memory broker: wired as in production, asked over HTTP.
import { InventoryQuote, topology } from '@orders/shared/contracts'
import { ask } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type MemoryBroker,
  scratchFolder,
  tracing,
  typesInTrace,
} from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultCatalogue } from '../../catalogue.ts'
import { InventoryConfig } from '../../config.ts'
import { inventoryService } from '../../service.ts'

const token = 'operator-token-for-tests'
let folder: { path: string; remove(): Promise<void> }
let broker: MemoryBroker
let service: RunningService

beforeEach(async () => {
  folder = await scratchFolder()
  broker = createMemoryBroker(topology)
  const { log } = await keepingLog()
  const broken = (error: Error) => expect.unreachable(error.message)
  const config = { ...readConfig(InventoryConfig, { DATA_DIR: folder.path, OPERATOR_TOKENS: token }), port: 0 }
  service = await startService(inventoryService, config, { log, broken, openBroker: broker.connect })
})

afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

async function request(
  path: string,
  body?: object,
  headers: Record<string, string> = { authorization: `Bearer ${token}` },
) {
  const sent = body && { method: 'PUT', body: JSON.stringify(body) }
  const type: Record<string, string> = body ? { 'content-type': 'application/json' } : {}
  const response = await fetch(`${service.url}${path}`, { ...sent, headers: { ...headers, ...type } })
  return { status: response.status, body: await response.json() }
}

interface Page {
  stock: { sku: string }[]
  next: string | null
}

/** All pages of so many. */
async function pagesOf(limit: number): Promise<string[][]> {
  const pages: string[][] = []
  for (let next: string | null = ''; next !== null; ) {
    const after: string = next === '' ? '' : `&after=${next}`
    const { status, body } = await request(`/stock?limit=${limit}${after}`)
    const page = body as Page
    expect(status).toBe(200)
    pages.push(page.stock.map(({ sku }) => sku))
    next = page.next
  }
  return pages
}

const skus = defaultCatalogue(1)
  .map(({ sku }) => sku)
  .toSorted()

test('the stock is told a page at a time, each SKU once, and where the next page begins', async () => {
  expect((await pagesOf(500)).flat()).toEqual(skus)
  expect((await pagesOf(4)).flat()).toEqual(skus)
  expect((await pagesOf(4)).map(({ length }) => length).slice(0, 2)).toEqual([4, 4])
  // A last page that is full cannot know that it is the last.
  const pages = await pagesOf(skus.length)
  expect(pages).toEqual([skus, []])
  const { body } = await request('/stock')
  expect(body).toMatchObject({ stock: skus.map((sku) => ({ sku })), next: null })
})

test.each([
  ['limit=0', 400],
  ['limit=1000', 400],
  ['limit=-1', 400],
  ['limit=many', 400],
  // PostgreSQL keeps no U+0000 in a text, and no SKU has one.
  ['after=%00', 400],
  ['after=..%2f', 400],
  ['page=2', 400],
  ['after=zzz', 200],
])('a page that is asked for by %s is answered with %i', async (query, status) => {
  expect((await request(`/stock?${query}`)).status).toBe(status)
})

test('an operator says how many there are, and everybody hears it', async () => {
  const ifMatch = async () => ({
    authorization: `Bearer ${token}`,
    'if-match': (await fetch(`${service.url}/stock/item1`, { headers: operator })).headers.get('etag') ?? '',
  })
  const operator = { authorization: `Bearer ${token}` }
  expect((await request('/stock/item1', { available: 5 })).status).toBe(200)
  expect((await request('/stock/item1', { available: 7 })).status).toBe(428)
  const set = await request('/stock/item1', { available: 7 }, await ifMatch())
  expect(set).toMatchObject({ status: 200, body: { sku: 'item1', available: 7, reserved: 0, committed: 0 } })
  expect(await request('/stock/item1')).toEqual(set)
  const fresh = { ...operator, 'if-none-match': '*' }
  const unpriced = await request('/stock/new', { available: 7 }, fresh)
  expect(unpriced).toMatchObject({ status: 400, body: { code: 'price_required' } })
  const adjusted = await fetch(`${service.url}/stock/item1/adjustments`, {
    method: 'POST',
    headers: { ...operator, 'content-type': 'application/json', 'idempotency-key': 'k' },
    body: JSON.stringify({ difference: -2, reason: 'broken' }),
  })
  expect(adjusted.headers.get('etag')).toBe((await ifMatch())['if-match'])
  expect(await adjusted.json()).toMatchObject({ available: 5 })
  await eventually('the audit hears it', () =>
    broker.messages('audit.queue').some(({ properties }) => properties.messageId === 'item1/inventory.restocked/1'),
  )
})

test('what is not there, and who may not ask', async () => {
  expect(await request('/stock/unknown')).toMatchObject({ status: 404, body: { code: 'no_such_sku' } })
  expect((await request('/stock', undefined, {})).status).toBe(401)
  expect((await request('/stock/item1', { available: 7 }, {})).status).toBe(401)
})

test('a restock is a step of its caller’s trace', async () => {
  const headers = { authorization: `Bearer ${token}`, 'if-none-match': '*', ...tracing }
  await request('/stock/new', { available: 7, unitPriceCents: 1 }, headers)
  await eventually('it is said', () => broker.messages('audit.queue').length === 1)
  expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['inventory.restocked'])
})

test('the catalogue is for everybody, by pages, and tells names, prices and whether there is any', async () => {
  const all: object[] = []
  for (let next: string | null = ''; next !== null; ) {
    const after: string = next === '' ? '' : `&after=${next}`
    const { status, body } = await request(`/catalogue?limit=4${after}`, undefined, {})
    const page = body as { items: object[]; next: string | null }
    expect(status).toBe(200)
    expect(page.items.length).toBeLessThanOrEqual(4)
    all.push(...page.items)
    next = page.next
  }
  const goods = defaultCatalogue(1).map(({ available, ...article }) => ({
    ...article,
    currency: 'EUR',
    available: available > 0,
  }))
  expect(all).toEqual(goods.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)))
})

test('a quote is what the goods cost now, and sets nothing aside', async () => {
  const lines = [
    { sku: 'item1', quantity: 2 },
    { sku: 'unicorn', quantity: 1 },
  ]
  const quoted = () => ask(broker.connect('order-service'), InventoryQuote, { lines }, 20_000)
  const item1 = { sku: 'item1', quantity: 2, name: 'Desk lamp' }
  expect(await quoted()).toEqual({
    lines: [{ ...item1, unitPriceCents: 1_000 }],
    totalCents: 2_000,
    currency: 'EUR',
    unknownSkus: ['unicorn'],
  })
  await request('/stock/item1', { available: 10_000, unitPriceCents: 1_100 })
  expect(await quoted()).toMatchObject({ lines: [{ ...item1, unitPriceCents: 1_100 }], totalCents: 2_200 })
  expect((await request('/stock/item1')).body).toMatchObject({ available: 10_000, reserved: 0 })
})
