// The HTTP routes of inventory-service: everyone reads the catalogue, operators read and change the stock.
import { Currency, Sku } from '@orders/shared/contracts'
import { Conditions, type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { InventoryConfig } from './config.ts'
import { stateOf } from './domain.ts'
import { adjustStock, setStock } from './handlers.ts'
import { listStock, stock } from './store.ts'

const BySku = Type.Object({ sku: Sku })
const Stock = Type.Object({
  sku: Sku,
  name: Type.String(),
  unitPriceCents: Type.Integer(),
  available: Type.Integer(),
  reserved: Type.Integer(),
  committed: Type.Integer(),
})
const Page = Type.Object(
  {
    after: Type.Optional({ ...Sku, description: '`next` of the previous page' }),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
const SetStock = Type.Object(
  {
    available: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }),
    unitPriceCents: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000 })),
    // PostgreSQL cannot store U+0000 in a text.
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })),
  },
  { additionalProperties: false },
)

const AdjustStock = Type.Object(
  {
    difference: Type.Integer({ minimum: -1_000_000_000, maximum: 1_000_000_000 }),
    reason: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
  },
  { additionalProperties: false },
)
const Key = Type.Object({ 'idempotency-key': Type.String({ minLength: 1, maxLength: 255 }) })
const Goods = Type.Object({
  sku: Sku,
  name: Type.String(),
  unitPriceCents: Type.Integer(),
  currency: Currency,
  available: Type.Boolean({ description: 'Whether it is in stock' }),
})

export function routes(app: HttpServer, { commit, config, database, auth, now }: Wiring<InventoryConfig>): void {
  const operator = { onRequest: auth.operator }

  async function pageOf({ after = '', limit: wanted }: { after?: string; limit?: string }) {
    const limit = Number(wanted ?? 500)
    const page = await listStock(database, { after, limit })
    return { page, next: page.length === limit ? (page.at(-1)?.sku ?? null) : null }
  }

  app.get(
    '/catalogue',
    {
      schema: {
        querystring: Page,
        response: { 200: Type.Object({ items: Type.Array(Goods), next: Type.Union([Sku, Type.Null()]) }) },
        operationId: 'listCatalogue',
        summary: 'The catalogue with prices, page by page',
      },
    },
    async ({ query }) => {
      const { page, next } = await pageOf(query)
      const items = page.map(({ sku, name, unitPriceCents, available }) => ({
        sku,
        name,
        unitPriceCents,
        currency: config.currency,
        available: available > 0,
      }))
      return { items, next }
    },
  )

  app.get(
    '/stock',
    {
      ...operator,
      schema: {
        querystring: Page,
        response: { 200: Type.Object({ stock: Type.Array(Stock), next: Type.Union([Sku, Type.Null()]) }) },
        operationId: 'listStock',
        summary: 'The stock, by SKU, page by page',
      },
    },
    async ({ query }) => {
      const { page, next } = await pageOf(query)
      return { stock: page, next }
    },
  )

  app.get(
    '/stock/:sku',
    {
      ...operator,
      schema: {
        params: BySku,
        response: { 200: Stock },
        problems: { 404: ['no_such_sku'] },
        operationId: 'getStock',
        summary: 'The stock of one SKU',
        description: 'Send its `ETag` as `If-Match` when you set a new count.',
      },
    },
    async ({ params }, reply) => {
      const found = (await stock.load(database, [params.sku])).get(params.sku)
      if (!found) throw new RejectedError(404, 'no_such_sku', `no SKU ${params.sku}`)
      return reply.header('etag', stateOf(found)).send(found)
    },
  )

  app.put(
    '/stock/:sku',
    {
      ...operator,
      schema: {
        params: BySku,
        headers: Conditions,
        body: SetStock,
        response: { 200: Stock },
        problems: { 400: ['price_required'], 412: ['precondition_failed'], 428: ['precondition_required'] },
        operationId: 'setStock',
        summary: 'Set the stock of a SKU, if it has not changed since you read it',
      },
    },
    async (request, reply) => {
      const wanted = { sku: request.params.sku, ...request.body }
      const set = await commit.submit(setStock(wanted, request.headers, now().toISOString()), traceOf(request))
      return reply.header('etag', stateOf(set)).send(set)
    },
  )

  app.post(
    '/stock/:sku/adjustments',
    {
      ...operator,
      schema: {
        params: BySku,
        headers: Key,
        body: AdjustStock,
        response: { 200: Stock },
        problems: { 404: ['no_such_sku'], 409: ['not_that_many'], 422: ['idempotency_key_reused'] },
        operationId: 'adjustStock',
        summary:
          'Change the stock by a difference; a repeat under the same key changes nothing and returns the current stock',
      },
    },
    async (request, reply) => {
      const wanted = { sku: request.params.sku, ...request.body }
      const key = request.headers['idempotency-key']
      const adjusted = await commit.submit(adjustStock(key, wanted, now().toISOString()), traceOf(request))
      return reply.header('etag', stateOf(adjusted)).send(adjusted)
    },
  )
}
