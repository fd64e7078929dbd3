// HTTP: every error is an RFC 9457 problem with a stable code, and nothing internal leaves.

import { Agent, get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { Type } from 'typebox'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { registry } from '../../contracts/index.ts'
import { deferred } from '../../runtime/deferred.ts'
import { RejectedError, TransientError } from '../../runtime/errors.ts'
import { createMetrics } from '../../service/metrics.ts'
import { eventually, keepingLog } from '../../testing/index.ts'
import { createHttp } from '../http.ts'
import { HTTP_LIMITS } from '../limits.ts'

const Body = Type.Object(
  {
    user: Type.String({ minLength: 1 }),
    lines: Type.Array(Type.Object({ sku: Type.String(), quantity: Type.Integer({ minimum: 1 }) })),
    note: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

async function open(reasons: string[] = [], more: Partial<Parameters<typeof createHttp>[0]> = {}) {
  const { log, lines } = await keepingLog()
  const metrics = createMetrics('test-service', registry, () => undefined)
  const faults = async () => reasons
  const about = { service: 'test-service', version: '1.2.3', summary: 'A test.' }
  const app = await createHttp({ ...about, log, metrics, faults, ...more })
  app.post('/things', { schema: { body: Body } }, async ({ body }) => body)
  app.get('/things/:id', { schema: { params: Type.Object({ id: Type.String({ maxLength: 10 }) }) } }, async () => 'ok')
  app.get(
    '/list',
    { schema: { querystring: Type.Object({ limit: Type.Optional(Type.String({ pattern: '^[0-9]+$' })) }) } },
    async () => 'ok',
  )
  app.get('/rejected', async () => {
    throw new RejectedError(503, 'overloaded', 'try again soon', { retryAfterSeconds: 7 })
  })
  app.get('/conflict', async () => {
    throw new RejectedError(409, 'taken', 'another body', { errors: [{ field: 'orderId', message: 'is taken' }] })
  })
  app.get('/broken', async () => {
    throw new TransientError('SQLITE_FULL', 'secret /var/lib path')
  })
  app.get('/away', async () => {
    throw new TransientError('database_unavailable', 'connect ECONNREFUSED 10.0.0.7', { isOutage: true })
  })
  app.get('/thrown', async () => {
    throw Object.assign(new Error('a secret'), { statusCode: 299 })
  })
  onTestFinished(() => app.close())
  const post = (payload: string, contentType = 'application/json') =>
    app.inject({ method: 'POST', url: '/things', payload, headers: { 'content-type': contentType } })
  return { app, lines, post }
}

const valid = { user: 'gayal', lines: [{ sku: 'item1', quantity: 1 }] }

describe('a request', () => {
  it('that is valid is served', async () => {
    const { post } = await open()
    const answer = await post(JSON.stringify(valid))
    expect([answer.statusCode, answer.json()]).toEqual([200, valid])
  })

  const refused: [string, string, string | undefined, number, string, unknown][] = [
    ['malformed JSON', '{"user":', undefined, 400, 'malformed_json', [{ field: 'body' }]],
    ['an empty body', '', undefined, 400, 'empty_body', [{ field: 'body' }]],
    ['a field of another type', '{"user":7,"lines":[]}', undefined, 400, 'invalid_input', [{ field: 'user' }]],
    ['a missing field', '{"lines":[]}', undefined, 400, 'invalid_input', [{ field: 'user', message: 'is required' }]],
    [
      'an unknown field',
      JSON.stringify({ ...valid, admin: true }),
      undefined,
      400,
      'invalid_input',
      [{ field: 'admin', message: 'is not a known field' }],
    ],
    [
      'a fault deep inside',
      '{"user":"a","lines":[{"sku":"x","quantity":0}]}',
      undefined,
      400,
      'invalid_input',
      [{ field: 'lines.0.quantity' }],
    ],
    ['an array', '[]', undefined, 400, 'invalid_input', [{ field: 'body' }]],
    ['null', 'null', undefined, 400, 'invalid_input', [{ field: 'body' }]],
    [
      'a number for a text',
      '{"user":"a","lines":[{"sku":1,"quantity":1}]}',
      undefined,
      400,
      'invalid_input',
      [{ field: 'lines.0.sku' }],
    ],
    [
      'a poisoned prototype',
      '{"__proto__":{"admin":true},"user":"a","lines":[]}',
      undefined,
      400,
      'malformed_json',
      undefined,
    ],
    [
      'another content type',
      'user=gayal',
      'application/x-www-form-urlencoded',
      415,
      'unsupported_media_type',
      [{ field: 'body' }],
    ],
    ['plain text', '{"user":"a","lines":[]}', 'text/plain', 415, 'unsupported_media_type', [{ field: 'body' }]],
    [
      'a body too large',
      JSON.stringify({ ...valid, note: 'x'.repeat(HTTP_LIMITS.bodyMaxBytes) }),
      undefined,
      413,
      'body_too_large',
      [{ field: 'body' }],
    ],
  ]
  it.each(refused)(
    'with %s is refused, and told which field',
    async (_, payload, contentType, status, code, errors) => {
      const { post, lines } = await open()

      const answer = await post(payload, contentType)

      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(answer.statusCode).toBe(status)
      expect(answer.json()).toMatchObject({
        type: `urn:problem:${code}`,
        title: expect.any(String),
        status,
        code,
        detail: expect.any(String),
        ...(errors !== undefined && { errors }),
      })
      // The asker's fault is no error of ours.
      expect(lines.filter(({ level }) => level >= 50)).toEqual([])
    },
  )

  it('is told all its faults at once, however many', async () => {
    const { post } = await open()
    const lines = Array.from({ length: 30 }, () => ({ sku: 'x', quantity: 0 }))

    const answer = await post(JSON.stringify({ user: '', lines }))

    const fields = answer.json().errors.map(({ field }: { field: string }) => field)
    expect(fields).toEqual(expect.arrayContaining(['user', 'lines.0.quantity', 'lines.29.quantity']))
  })

  it.each([
    ['/nowhere', 404, 'no_such_route'],
    ['/things', 405, 'method_not_allowed'],
    ['/things/%zz', 400, 'malformed_url'],
    [`/things/${'x'.repeat(11)}`, 400, 'invalid_input'],
    [`/things/${'x'.repeat(5_000)}`, 400, 'invalid_input'],
    ['/list?limit=ten', 400, 'invalid_input'],
  ])('for %s gets %i %s', async (url, status, code) => {
    const { app } = await open()
    const answer = await app.inject({ url })
    expect([answer.statusCode, answer.json().status, answer.json().code]).toEqual([status, status, code])
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.body.length).toBeLessThan(7_000)
  })

  it('that is rejected carries its code, its faults and when to come again', async () => {
    const { app, lines } = await open()

    const overloaded = await app.inject('/rejected')
    expect(overloaded.headers['retry-after']).toBe('7')
    expect(overloaded.json()).toEqual({
      type: 'urn:problem:overloaded',
      title: 'Service Unavailable',
      status: 503,
      code: 'overloaded',
      detail: 'try again soon',
    })
    expect((await app.inject('/conflict')).json()).toMatchObject({
      errors: [{ field: 'orderId', message: 'is taken' }],
    })
    expect(lines.filter(({ level }) => level >= 50)).toEqual([])
  })

  it('that needs what is away gets 503 with its code and Retry-After, and only the log says where', async () => {
    const { app, lines } = await open()
    const answer = await app.inject('/away')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.json()).toMatchObject({ code: 'database_unavailable', status: 503 })
    expect(answer.body).not.toContain('10.0.0.7')
    expect(lines.some(({ msg }) => msg === 'request failed')).toBe(true)
  })

  it.each(['/broken', '/thrown'])(
    'that fails for a fault of ours (%s) gets 500, and only the log says why',
    async (url) => {
      const { app, lines } = await open()

      const answer = await app.inject(url)

      expect(answer.statusCode).toBe(500)
      expect(answer.json()).toEqual({
        type: 'urn:problem:internal_error',
        title: 'Internal Server Error',
        status: 500,
        code: 'internal_error',
        detail: 'the service failed; its log has the reason',
      })
      expect(answer.body).not.toMatch(/secret|stack|SQLITE/)
      expect(lines.filter(({ level }) => level >= 50)).toMatchObject([
        { msg: 'request failed', err: { stack: expect.any(String) } },
      ])
    },
  )
})

describe('every service', () => {
  it('is live, and ready when nothing is wrong', async () => {
    const { app } = await open()
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' })
    expect((await app.inject('/health/ready')).json()).toEqual({ status: 'ready' })
  })

  it('is live but not ready, with every reason, when something is wrong', async () => {
    const { app } = await open(['broker: connecting', 'stopping'])
    expect((await app.inject('/health/live')).statusCode).toBe(200)
    const answer = await app.inject('/health/ready')
    expect([answer.statusCode, answer.json().detail]).toEqual([503, 'broker: connecting; stopping'])
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  })

  it('counts its answers by route, for Prometheus', async () => {
    const { app } = await open()
    await app.inject('/things/1')
    await app.inject('/things/2')
    const text = await eventually('both are counted', async () => {
      const { body } = await app.inject('/metrics')
      return /http_request_seconds_count\{.*route="\/things\/:id".*\} 2/.test(body) && body
    })
    expect(text).toContain('process_cpu_user_seconds_total')
  })

  it('documents its routes, and not its health', async () => {
    const { app } = await open()
    const document = (await app.inject('/docs/json')).json()
    expect(document.info).toMatchObject({ title: 'test-service', version: '1.2.3', description: 'A test.' })
    expect((await app.inject('/openapi.json')).json()).toEqual(document)
    const own = ['/things', '/things/{id}', '/list', '/rejected', '/conflict', '/broken', '/away', '/thrown']
    expect(Object.keys(document.paths)).toEqual(own)
    expect(Object.keys(document.paths['/things/{id}'])).toEqual(['get'])
    expect(document.paths['/things'].post.requestBody.content['application/json'].schema).toMatchObject({
      required: ['user', 'lines'],
      properties: { user: { type: 'string', minLength: 1 } },
      additionalProperties: false,
    })
    expect(document.paths['/list'].get.parameters).toMatchObject([{ in: 'query', name: 'limit', required: false }])
    expect(parse((await app.inject('/docs/yaml')).body)).toEqual(document)
  })

  it('says of its documents what it says of every file: whether it is there, how long it is, whether it has changed', async () => {
    const { app } = await open()
    const file = '/docs/static/swagger-ui.css'
    const { statusCode, headers, rawPayload } = await app.inject(file)
    expect([statusCode, headers['content-type'], Number(headers['content-length'])]).toEqual([
      200,
      'text/css; charset=utf-8',
      rawPayload.length,
    ])
    const head = await app.inject({ method: 'HEAD', url: file })
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, headers['content-length'], ''])
    const unchanged = await app.inject({ url: file, headers: { 'if-none-match': headers.etag } })
    expect([unchanged.statusCode, unchanged.headers['content-type'], unchanged.body]).toEqual([304, undefined, ''])
    const missing = await app.inject('/docs/static/nowhere.js')
    expect([missing.statusCode, missing.json().code]).toEqual([404, 'no_such_route'])
  })

  it('logs each answer once, and no health check', async () => {
    const { app, lines } = await open()
    await app.inject('/things/1')
    await app.inject('/health/live')
    await app.inject('/metrics')
    expect(lines.filter(({ msg }) => msg === 'answered')).toMatchObject([
      { method: 'GET', url: '/things/1', status: 200 },
    ])
  })
})

describe('a browser', () => {
  it('keeps no answer and runs nothing of it', async () => {
    const { app } = await open()
    for (const url of ['/things/1', '/nowhere', '/broken', '/health/live', '/docs/json']) {
      const { headers } = await app.inject(url)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.any(String),
      })
      expect(headers).not.toHaveProperty('x-powered-by')
      expect(headers).not.toHaveProperty('server')
    }
    expect((await app.inject('/things/1')).headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    })
  })

  it('may run the scripts of /docs, which are files of their own, and nothing inline', async () => {
    const { app } = await open()
    const { body, headers } = await app.inject('/docs')
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'self'")
    expect(policy).not.toMatch(/script-src|unsafe-eval|https?:/)
    const scripts = [...body.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)]
    expect(scripts.length).toBeGreaterThan(0)
    for (const [, attributes, inline] of scripts)
      expect([inline?.trim(), /src="\/docs\//.test(attributes ?? '')]).toEqual(['', true])
    expect(body).not.toMatch(/\son\w+=/)
  })
})

describe('limits', () => {
  it('a URL beyond the limit is refused before anything is looked for', async () => {
    const { app } = await open()
    const answer = await app.inject(`/list?limit=${'1'.repeat(HTTP_LIMITS.urlMaxLength)}`)
    expect([answer.statusCode, answer.json().code]).toEqual([414, 'url_too_long'])
  })

  it('no more requests are worked on than the bound; one whose client has gone counts until its work is done', async () => {
    const { app, lines } = await open([], { limits: { requestsMax: 2 } })
    const { promise: gate, resolve: openGate } = deferred<string>()
    app.get('/slow', () => gate)
    // `inject` alone waits until somebody asks for its answer.
    const slow = Promise.all([app.inject('/slow'), app.inject('/slow')])
    const refused = await eventually('both are under way', async () => {
      const answer = await app.inject('/list')
      return answer.statusCode === 503 && answer
    })
    expect([refused.json().code, refused.headers['retry-after']]).toEqual(['overloaded', '1'])
    expect((await app.inject('/health/ready')).statusCode).toBe(200)
    expect((await app.inject('/metrics')).body).toMatch(/http_requests_under_way\{.*\} 2/)
    openGate('ok')
    await slow
    expect((await app.inject('/list')).statusCode).toBe(200)
    expect((await app.inject('/metrics')).body).toMatch(/http_requests_under_way\{.*\} 0/)
    expect(lines.filter(({ msg }) => msg === 'overloaded, refusing requests')).toHaveLength(1)
  })

  it('the rate of one client is held, by token or address, whatever its requests come to', async () => {
    const holder = ({ headers }: { headers: { authorization?: string | undefined } }) => headers.authorization
    const { app } = await open([], { rateLimit: { perMinute: 2, redis: undefined, holder } })
    const asked = async (url: string, headers = {}, remoteAddress = '192.0.2.1') => {
      const answer = await app.inject({ url, headers, remoteAddress })
      return answer.statusCode
    }
    expect([await asked('/nowhere'), await asked('/list'), await asked('/list')]).toEqual([404, 200, 429])
    expect(await asked('/list', {}, '192.0.2.2')).toBe(200)
    expect(await asked('/list', { authorization: 'known' })).toBe(200)
    expect(await asked('/health/live')).toBe(200)
    expect(await asked('/metrics')).toBe(200)
    // One household has many addresses of IPv6.
    expect([await asked('/list', {}, '2001:db8::1'), await asked('/list', {}, '2001:db8::2')]).toEqual([200, 200])
    expect(await asked('/list', {}, '2001:db8::3')).toBe(429)
    const refused = await app.inject({ url: '/list', remoteAddress: '192.0.2.1' })
    expect(refused.json()).toMatchObject({ status: 429, code: 'rate_limited', title: 'Too Many Requests' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('a proxy that is not named cannot say who asks', async () => {
    const trusting = async (trustProxy: string | undefined) => {
      const { app } = await open([], { trustProxy })
      app.get('/ip', async ({ ip }) => ip)
      return (await app.inject({ url: '/ip', headers: { 'x-forwarded-for': '192.0.2.9' } })).body
    }
    expect([await trusting(undefined), await trusting('loopback'), await trusting('10.0.0.0/8')]).toEqual([
      '127.0.0.1',
      '192.0.2.9',
      '127.0.0.1',
    ])
    await expect(trusting('not an address')).rejects.toThrow(/TRUST_PROXY/)
  })
})

it('that is answered while the server closes is answered, and its connection does not hold up the stop', async () => {
  const { app } = await open()
  const asked = deferred<void>()
  const answered = deferred<string>()
  const isClosing = deferred<void>()
  app.addHook('preClose', async () => isClosing.resolve())
  app.get('/slow', async () => {
    asked.resolve()
    return answered.promise
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  const heard = new Promise<IncomingMessage>((resolve) => get(`${url}/slow`, { agent }, resolve))
  await asked.promise
  const closing = app.close()
  await isClosing.promise
  answered.resolve('here you are')
  const answer = await heard
  expect([answer.headers.connection, await text(answer)]).toEqual(['close', 'here you are'])
  await closing
})
