// The six OpenAPI documents: whole, without two operations of one name, and with examples that are what services answer.
// `npm run lint:openapi` has them judged by Redocly and Spectral. `vitest run tests/contracts/openapi.test.ts -u` asks for the examples anew.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { orders, topology } from '@orders/shared/contracts'
import { createMemoryBroker, eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConsole } from '../../audit-service/console.ts'
import { type OpenApiDocument, operationsOf } from '../../scripts/openapi/documents.ts'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'
import { type Conversation, converse, type Example, spoken } from './openapi-examples.ts'

const NOW = '2026-11-29T12:00:00.000Z'
const OPERATOR = 'operator-token-for-tests'
const SETTINGS = {
  AUDIT_CHECKPOINT_MS: '1000',
  OPERATOR_TOKENS: OPERATOR,
  CUSTOMER_TOKENS: 'customer-token-for-tests',
  SHIPPING_TRANSIT_MS: '3600000',
  WEBHOOK_SECRET: 'a-master-secret-of-24-chars',
  WEBHOOK_ALLOW_PRIVATE: 'true',
}
/** For people and programs that look after the service; and, of audit-service, the console, and tiles, whose paths have any depth. */
const UNDOCUMENTED = ['/docs', '/docs/*', '/health/live', '/health/ready', '/metrics', '/openapi.json']
const CONSOLE = [
  '/',
  ...readConsole(orders)
    .map(({ path }) => path)
    .filter((path) => path !== '/'),
  '/tile/*',
]

const services = new Map<string, Awaited<ReturnType<typeof startInMemory>>>()
const documents = new Map<string, OpenApiDocument>()
const hidden: string[] = []

interface MadeServer {
  fastify: {
    addHook(name: 'onRoute', see: (route: { method: string; url: string; schema?: { hide?: boolean } }) => void): void
  }
}
function watch(message: unknown): void {
  const { fastify } = message as MadeServer
  fastify.addHook('onRoute', ({ method, url, schema }) => {
    if (schema?.hide && method !== 'HEAD') hidden.push(url)
  })
}

beforeAll(async () => {
  const broker = createMemoryBroker(topology)
  const now = () => new Date(NOW)
  subscribe('fastify.initialization', watch)
  for (const definition of definitions)
    services.set(definition.name, await startInMemory(definition, { environment: SETTINGS, broker, now }))
  unsubscribe('fastify.initialization', watch)
  for (const [name, { url }] of services)
    documents.set(name, (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument)
}, 60_000)

afterAll(async () => {
  for (const service of services.values()) await service.close()
})

const all = () => [...documents.values()].flatMap(operationsOf)

it('every route is documented, but for those that look after the service and the console', () => {
  const allowed = [...orders.services.flatMap(() => UNDOCUMENTED), ...CONSOLE]
  // The pages of the documents are made of a server of their own.
  const own = hidden.filter((url) => !url.startsWith('/docs/') || url === '/docs/*')
  expect(own.sort()).toEqual(allowed.sort())
})

it('no two operations have one id, but for the three of retries, which every service has', () => {
  const counts = new Map<string, number>()
  for (const { operation } of all()) counts.set(operation.operationId, (counts.get(operation.operationId) ?? 0) + 1)
  const several = [...counts].filter(([, count]) => count !== 1).sort()
  expect(several).toEqual(['giveUpRetry', 'hastenRetry', 'listRetries'].map((id) => [id, orders.services.length]))
})

it('what asks for a token says so: without one it answers 401, and what is open never does', async () => {
  for (const [name, document] of documents)
    for (const { method, path, operation } of operationsOf(document)) {
      const url = `${services.get(name)?.url}${path.replaceAll(/\{\w+\}/g, 'none')}`
      const { status } = await fetch(url, { method })
      expect([path, method, status === 401]).toEqual([path, method, operation.security.length > 0])
    }
})

describe('examples', () => {
  it('are what the services answer, word for word', async () => {
    const talk: Conversation = {
      ask: (service, method, path, init) => {
        const headers = { authorization: `Bearer ${OPERATOR}`, ...init.headers }
        return fetch(`${services.get(service)?.url}${path}`, { ...init, method, headers })
      },
      placeOf: (operationId, service) => {
        const document = documents.get(service)
        const found = document && operationsOf(document).find(({ operation }) => operation.operationId === operationId)
        return found ?? expect.unreachable(`${service} has no ${operationId}`)
      },
      eventually,
    }
    const examples = new Map<string, Example[]>(orders.services.map((name) => [name, []]))
    await converse(talk, (service, example) => examples.get(service)?.push(example))
    // Of those that show nothing of their own no other's example tells: a service that is new changes no file but its own.
    const silent = new Set<unknown>(orders.services.filter((name) => examples.get(name)?.length === 0))
    const told = (own: Example[]): Example[] =>
      JSON.parse(
        JSON.stringify(own, (_, value) => (Array.isArray(value) ? value.filter((one) => !silent.has(one)) : value)),
      )
    for (const [name, own] of examples)
      await expect(spoken(told(own))).toMatchFileSnapshot(`../../${name}/examples.json`)
  }, 60_000)
})
