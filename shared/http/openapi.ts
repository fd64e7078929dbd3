// Completes the OpenAPI document with what schemas do not say: access, every refusal, and examples. Loaded at its first
// request.
import type { FastifySchema } from 'fastify'
import { type Refusal, refusalsOf } from './answers.ts'
import type { Access } from './auth.ts'
import type { Example } from './examples.ts'
import { FAULTS_MAX } from './limits.ts'
import { titleOf } from './problem.ts'

export interface DocumentedRoute {
  method: string
  url: string
  schema?: FastifySchema | undefined
  /** Whose token it asks for; undefined if it is open to all. */
  access: Access | undefined
}

export interface DocumentInfo {
  title: string
  version: string
  description: string
  /** Describes the routes, by the first part of their paths. */
  tags: Readonly<Record<string, string>>
  /** The file with recorded requests and answers. */
  examples?: string | undefined
}

/** The parts of the document that are used here. */
interface Document {
  paths: Record<string, Record<string, Operation>>
}
interface Operation {
  operationId?: string
  tags?: string[]
  description?: string
  security?: Record<string, string[]>[]
  parameters?: { in: string; name: string; example?: unknown }[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Response | { $ref: string }>
}
interface Response {
  description: string
  headers?: Record<string, { description: string; schema: object }>
  content?: Record<string, Media>
}
interface Media {
  schema?: object
  examples?: Record<string, { value: unknown }>
}

const PROBLEM = 'application/problem+json'

/** `made` is what @fastify/swagger made of the schemas of `routes`. It is not changed. */
export function completed(
  made: object,
  { title, version, description, tags }: DocumentInfo,
  routes: readonly DocumentedRoute[],
  examples: readonly Example[],
) {
  // Decoding edge: @fastify/swagger makes an OpenAPI document.
  const { paths } = structuredClone(made) as Document
  const responses: Record<string, Response> = {}
  for (const route of routes) {
    const operation = operationAt(paths, route)
    const own = examples.filter(({ operationId }) => operationId === operation.operationId)
    describe(operation, route)
    nameAnswers(operation)
    for (const refusal of refusalsOf(route)) {
      const shown = own.filter(({ status, type }) => status === refusal.status && type === PROBLEM)
      // Routes with equal answers share one entry. A route with an example has its own.
      const name = shown.length > 0 ? `${operation.operationId}.${refusal.status}` : refusal.name
      responses[name] ??= responseOf(refusal, shown)
      operation.responses[refusal.status] = { $ref: `#/components/responses/${name}` }
    }
    addExamples(operation, own)
  }
  return {
    openapi: '3.1.0',
    info: {
      title,
      version,
      description,
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
      contact: { name: 'The order-choreography authors' },
    },
    servers: [{ url: '/', description: 'The copy of the service that serves this document' }],
    tags: Object.entries(tags)
      .filter(([tag]) => routes.some((route) => tagOf(route) === tag))
      .map(([name, about]) => ({ name, description: about })),
    paths,
    components: {
      securitySchemes: schemesOf(routes),
      responses: Object.fromEntries(Object.entries(responses).sort(([one], [other]) => (one < other ? -1 : 1))),
      schemas: { Problem },
    },
  }
}

/** @throws Error when @fastify/swagger spells a path differently from this function */
function operationAt(paths: Document['paths'], { method, url }: DocumentedRoute): Operation {
  const operation = paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
  if (!operation) throw new Error(`${method} ${url} is not in the document`)
  return operation
}

const tagOf = ({ url }: DocumentedRoute) => url.split('/')[1] ?? ''

const SECURITY: Record<Access, Record<string, never[]>[]> = {
  customer: [{ customerToken: [] }, { operatorToken: [] }],
  operator: [{ operatorToken: [] }],
}
const WHO: Record<Access, string> = {
  customer: 'For customers and operators.',
  operator: 'For operators.',
}

function describe(operation: Operation, route: DocumentedRoute): void {
  const { access, schema } = route
  operation.tags = [tagOf(route)]
  operation.security = access ? SECURITY[access] : []
  const refusals = Object.values<readonly string[]>(schema?.problems ?? {}).flat()
  operation.description = [
    ...(schema?.description === undefined ? [] : [schema.description]),
    access ? WHO[access] : 'Needs no token.',
    ...(refusals.length > 0
      ? [`Codes of this route’s own refusals: ${refusals.map((code) => `\`${code}\``).join(', ')}.`]
      : []),
  ].join('\n\n')
}

/** Describes an answer without a description by its status. */
function nameAnswers({ responses }: Operation): void {
  for (const [status, response] of Object.entries(responses))
    if ('description' in response && response.description === 'Default Response')
      response.description = titleOf(Number(status))
}

function responseOf({ status, codes }: Refusal, examples: readonly Example[]): Response {
  const schema = {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      { type: 'object', properties: { status: { const: status }, code: { enum: codes } } },
    ],
  }
  const headers = HEADERS[status]
  return {
    description: `${titleOf(status)}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
    ...(headers && { headers }),
    content: { [PROBLEM]: { schema, ...(examples.length > 0 && { examples: byName(examples) }) } },
  }
}

const RETRY_AFTER = {
  'retry-after': { description: 'Seconds after which you can try again', schema: { type: 'integer', minimum: 1 } },
} as const
const HEADERS: Record<number, NonNullable<Response['headers']>> = {
  401: {
    'www-authenticate': { description: 'The scheme of the token that the route needs', schema: { const: 'Bearer' } },
  },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
}

const Problem = {
  type: 'object',
  description:
    'Why the request was refused or failed, as problem details (RFC 9457). `code` is stable, for programs; `detail` is for people.',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', description: '`urn:problem:` and the code' },
    title: { type: 'string', description: 'The name of the status' },
    status: { type: 'integer', description: 'The HTTP status' },
    code: { type: 'string', description: 'The reason, for programs' },
    detail: { type: 'string', description: 'The reason, for people' },
    errors: {
      type: 'array',
      maxItems: FAULTS_MAX,
      description: 'Every faulty field, by its dotted path',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
}

const SCHEMES = {
  operatorToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'One of `OPERATOR_TOKENS`. On loopback, if that is unset, the route needs no token.',
  },
  customerToken: {
    type: 'http',
    scheme: 'bearer',
    description:
      'One of `CUSTOMER_TOKENS`, or an operator’s token. A token that is bound to a customer (`name:token`) gives access to that customer’s orders only. ' +
      'If `CUSTOMER_TOKENS` is unset, these routes need no token.',
  },
}

function schemesOf(routes: readonly DocumentedRoute[]): Partial<typeof SCHEMES> {
  const names = routes.flatMap(({ access }) => (access ? SECURITY[access] : [])).flatMap(Object.keys)
  return Object.fromEntries(Object.entries(SCHEMES).filter(([name]) => names.includes(name)))
}

/** OpenAPI's names for the places of parameters, and ours. */
const PLACES: Record<string, 'params' | 'query' | 'headers'> = { path: 'params', query: 'query', header: 'headers' }

function addExamples({ parameters = [], requestBody, responses }: Operation, examples: readonly Example[]): void {
  const served = examples.filter(({ status }) => status < 400)
  for (const parameter of parameters) {
    const place = PLACES[parameter.in]
    const [value] = served.flatMap((example) => (place && example[place]?.[parameter.name]) ?? [])
    if (value !== undefined) parameter.example = value
  }
  const sent = served.filter(({ body }) => body !== undefined)
  if (sent.length > 0)
    for (const media of Object.values(requestBody?.content ?? {})) media.examples = byName(sent, ({ body }) => body)
  for (const [status, response] of Object.entries(responses)) {
    if (!('content' in response)) continue
    for (const [type, media] of Object.entries(response.content ?? {})) {
      const answers = served.filter((example) => example.status === Number(status) && example.type === type)
      if (answers.length > 0) media.examples = byName(answers)
    }
  }
}

function byName(examples: readonly Example[], part = ({ answer }: Example): unknown => answer) {
  return Object.fromEntries(examples.map((example) => [example.name, { value: part(example) }]))
}
