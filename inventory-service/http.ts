// What people may ask of inventory-service: what there is, and, for operators, how many there are from now on.
import { Currency, Sku } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { InventoryConfig } from './config.ts'
import { setStock } from './handlers.ts'
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
    after: Type.Optional({ ...Sku, description: 'The `next` of the page before' }),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
const SetStock = Type.Object(
  {
    available: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }),
    unitPriceCents: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000 })),
    // PostgreSQL keeps no U+0000 in a text.
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })),
  },
  { additionalProperties: false },
)

const Goods = Type.Object({
  sku: Sku,
  name: Type.String(),
  unitPriceCents: Type.Integer(),
  currency: Currency,
  available: Type.Boolean({ description: 'Whether there is any' }),
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
        summary: 'What there is to order, and for how much, a page at a time',
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
        summary: 'The stock, by SKU, a page at a time',
      },
    },
    async ({ query }) => {
      const { page, next } = await pageOf(query)
      return { stock: page, next }
    },
  )

  app.get(
    '/stock/:sku',
    { ...operator, schema: { params: BySku, response: { 200: Stock }, summary: 'The stock of one SKU' } },
    async ({ params }) => {
      const found = (await stock.load(database, [params.sku])).get(params.sku)
      if (!found) throw new RejectedError(404, 'no_such_sku', `no SKU ${params.sku}`)
      return found
    },
  )

  app.put(
    '/stock/:sku',
    {
      ...operator,
      schema: { params: BySku, body: SetStock, response: { 200: Stock }, summary: 'Say how many are available now' },
    },
    (request) => {
      const wanted = { sku: request.params.sku, ...request.body }
      return commit.submit(setStock(wanted, now().toISOString()), traceOf(request))
    },
  )
}
