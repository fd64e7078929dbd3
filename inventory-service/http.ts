// What people may ask of inventory-service: what there is, and, for operators, how many there are from now on.
import { Sku } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { InventoryConfig } from './config.ts'
import { setStock } from './handlers.ts'
import { listStock, STOCK_KEY, stockOf } from './store.ts'

const BySku = Type.Object({ sku: Sku })
const Stock = Type.Object({
  sku: Sku,
  name: Type.String(),
  unitPriceCents: Type.Integer(),
  available: Type.Integer(),
  reserved: Type.Integer(),
  committed: Type.Integer(),
})
const SetStock = Type.Object(
  {
    available: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }),
    unitPriceCents: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000_000 })),
    // PostgreSQL keeps no U+0000 in a text.
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })),
  },
  { additionalProperties: false },
)

export function routes(app: HttpServer, { commit, database, auth, now }: Wiring<InventoryConfig>): void {
  const operator = { onRequest: auth.operator }

  app.get(
    '/stock',
    {
      ...operator,
      schema: { response: { 200: Type.Object({ stock: Type.Array(Stock) }) }, summary: 'The whole stock' },
    },
    async () => ({ stock: await listStock(database) }),
  )

  app.get(
    '/stock/:sku',
    { ...operator, schema: { params: BySku, response: { 200: Stock }, summary: 'The stock of one SKU' } },
    async ({ params }) => {
      const stock = await stockOf(database, params.sku)
      if (!stock) throw new RejectedError(404, 'no_such_sku', `no SKU ${params.sku}`)
      return stock
    },
  )

  app.put(
    '/stock/:sku',
    {
      ...operator,
      schema: { params: BySku, body: SetStock, response: { 200: Stock }, summary: 'Say how many are available now' },
    },
    ({ params, body }) =>
      commit.submit((tx) => setStock(tx, { sku: params.sku, ...body }, now().toISOString()), { keys: [STOCK_KEY] }),
  )
}
