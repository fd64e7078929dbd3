// Generated requests for every route that a service documents, and what every answer must be like.
import { connect } from 'node:net'
import fc from 'fast-check'
import { fitting, hostileBytes, hostileText, KNOWN_IDS, nearlyFitting } from './values.ts'

export interface Route {
  method: string
  /** With its parameters in braces, as OpenAPI has them. */
  path: string
  parameters: { name: string; in: string; schema: object }[]
  body: object | undefined
}

interface Operation {
  parameters?: Route['parameters']
  requestBody?: { content: Record<string, { schema: object }> }
}

/** What the service says that it serves, and what every service serves besides. */
export async function routesOf(url: string): Promise<Route[]> {
  const answer = await fetch(`${url}/docs/json`)
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Operation>> }
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content['application/json']?.schema,
    })),
  )
  const others = ['/', '/health/live', '/health/ready', '/metrics', '/docs', '/docs/json', '/nowhere/{id}']
  return [...documented, ...others.map((path) => ({ method: 'GET', path, parameters: [], body: undefined }))]
}

export interface Shot {
  method: string
  target: string
  headers: [string, string][]
  body: Buffer
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'BREW']
const JSON_TYPE = 'application/json'
const TYPES = [
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/problem+json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'nonsense',
  '/',
]
const ODD_HEADERS: [string, string][] = [
  ['content-encoding', 'gzip'],
  ['expect', '100-continue'],
  ['expect', 'a miracle'],
  ['accept', 'text/plain'],
  ['accept', 'nonsense;q=x'],
  ['accept-version', '99.0.0'],
  ['authorization', 'Bearer'],
  ['authorization', `Bearer ${'x'.repeat(3_000)}`],
  ['authorization', 'Basic ::::'],
  ['traceparent', '00-0-0-0'],
  ['idempotency-key', ''],
  ['idempotency-key', 'k'.repeat(256)],
  ['idempotency-key', 'fuzz-key'],
  ['idempotency-key', 'other-key'],
  ['idempotency-key', '\u00e9\u00ff'],
  ['x-forwarded-for', '::ffff:999.1.1.1, x'],
  ['range', 'bytes=0-18446744073709551615'],
  ['if-none-match', '*'],
  ['if-modified-since', 'never'],
  ['cookie', '=;=;='],
  ['upgrade', 'websocket'],
  ['x-http-method-override', 'DELETE'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['origin', 'null'],
  ['content-type', 'application/json, text/plain'],
]

/** Mostly close to what is wanted, since what is far off is refused at the first look. */
export function shotsAt(route: Route): fc.Arbitrary<Shot> {
  const method = mostly(route.method, fc.constantFrom(...METHODS))
  const body = route.body
    ? fc.oneof(
        { weight: 3, arbitrary: fitting(route.body).map(asJson) },
        { weight: 4, arbitrary: nearlyFitting(route.body).map(asJson) },
        { weight: 2, arbitrary: hostileBytes },
      )
    : fc.oneof({ weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) }, { weight: 1, arbitrary: hostileBytes })
  const type = mostly(JSON_TYPE, fc.constantFrom(...TYPES))
  const odd = fc.oneof(
    { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
    { weight: 2, arbitrary: fc.array(fc.constantFrom(...ODD_HEADERS), { minLength: 1, maxLength: 3 }) },
  )
  return fc.tuple(method, targetOf(route), type, odd, body).map(([verb, target, contentType, extra, bytes]) => ({
    method: verb,
    target,
    headers: [...(bytes.length > 0 ? [['content-type', contentType] as [string, string]] : []), ...extra],
    body: bytes,
  }))
}

function mostly(usual: string, unusual: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: unusual })
}

/** Percent-encoded, for which half a character is none, or with whatever bytes a request line can hold at all. */
const segment = (good: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 3, arbitrary: good.map((value) => encodeURIComponent(String(value).toWellFormed())) },
    { weight: 1, arbitrary: hostileText.map((text) => encodeURIComponent(Buffer.from(text).toString())) },
    { weight: 1, arbitrary: hostileText.map((text) => text.replace(/[^\u0021-\u007e]/g, '')) },
    { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '%c0%af', '%ff', '..', '.', '%2e%2e%2f', ';x=1', '*', ':id') },
  )

function targetOf({ path, parameters }: Route): fc.Arbitrary<string> {
  const parts = path.split(/\{[^}]+\}/)
  const segments = fc.tuple(...parts.slice(1).map(() => segment(fc.constantFrom(...KNOWN_IDS))))
  const filled = segments.map((values) => parts.map((part, at) => part + (values[at] ?? '')).join(''))
  const known = parameters.filter((parameter) => parameter.in === 'query')
  const pairs = known.map(({ name, schema }) => segment(fitting(schema, name)).map((value) => `${name}=${value}`))
  const strange = fc.tuple(segment(fc.constant('x')), segment(fc.constant('y'))).map((pair) => pair.join('='))
  const query = fc.array(fc.oneof(strange, ...pairs, ...pairs), { maxLength: 3 })
  return fc.tuple(filled, query).map(([target, words]) => (words.length > 0 ? `${target}?${words.join('&')}` : target))
}

function asJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value) ?? '')
}

export interface Heard {
  status: number
  type: string
  body: string
}

const SILENCE_MS = 20_000

/** By a socket of our own: every ordinary client refuses to send half of this. */
export function fire(url: string, { method, target, headers, body }: Shot): Promise<Heard> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const chunks: Buffer[] = []
    const lines = [
      `${method} ${target} HTTP/1.1`,
      `host: ${hostname}`,
      'connection: close',
      ...(body.length > 0 || method === 'POST' || method === 'PUT' ? [`content-length: ${body.length}`] : []),
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ]
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('no answer')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // What was heard before the server closed in the middle of our sending is its answer.
    socket.on('error', (error) => (chunks.length === 0 ? reject(error) : undefined))
    socket.on('close', () => resolve(read(Buffer.concat(chunks).toString('utf8'))))
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    socket.write(body)
  })
}

function read(text: string): Heard {
  const rest = text.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, '')
  const end = rest.indexOf('\r\n\r\n')
  const head = rest.slice(0, end)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? 0),
    type: /^content-type: ([^\r\n;]+)/im.exec(head)?.[1]?.toLowerCase() ?? '',
    body: rest.slice(end + 4),
  }
}

/** Nothing of the inside: no place in the code, no statement, no driver. */
const INTERNAL = /node_modules|file:\/\/|\.ts:\d|\.js:\d|\n\s+at |SQLITE_|sqlite|syntax error|Cannot read prop/i
/** Refusals of a good request for now. */
const FOR_NOW = new Set([
  'no_answer_in_time',
  'overloaded',
  'database_locked',
  'backlog_full',
  'broker_unavailable',
  'not_signed_yet',
])

/** What is wrong with an answer; undefined when it is as it must be. */
export function faultOf(shot: Shot, { status, type, body }: Heard): string | undefined {
  if (status === 0) return 'no HTTP answer'
  if (status < 400) return undefined
  if (shot.method === 'HEAD') return status === 500 ? 'status 500' : undefined
  if (type !== 'application/problem+json') return `status ${status} of type ${type}`
  const problem = problemIn(body)
  if (!problem || problem.status !== status || !/^[a-z_]+$/.test(problem.code ?? ''))
    return `no problem of ours: ${body.slice(0, 200)}`
  if (status >= 500 && !FOR_NOW.has(problem.code ?? '')) return `status ${status}: ${body.slice(0, 200)}`
  return INTERNAL.test(problem.detail ?? '') ? `tells of the inside: ${body.slice(0, 300)}` : undefined
}

function problemIn(body: string): { status?: number; code?: string; detail?: string } | undefined {
  try {
    return JSON.parse(body) as object
  } catch {
    // No JSON, which is told as such.
    return undefined
  }
}
