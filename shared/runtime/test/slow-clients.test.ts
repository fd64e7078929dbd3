// Clients that send slowly, endlessly or nonsense: each is told what is wrong where it can be, its connection is closed, and
// everybody else is served meanwhile.
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Type } from 'typebox'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually, keepingLog } from '../../testing/index.ts'
import { createHttp } from '../http.ts'
import type { HttpLimits } from '../limits.ts'
import { createMetrics } from '../metrics.ts'

async function listen(limits: Partial<HttpLimits> = {}) {
  const { log } = await keepingLog()
  const metrics = createMetrics('test-service', () => undefined)
  const about = { service: 'test-service', version: '1.2.3', summary: 'A test.' }
  const app = await createHttp({ ...about, log, metrics, faults: async () => [], limits })
  app.post('/things', { schema: { body: Type.Object({ user: Type.String() }) } }, async ({ body }) => body)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const place = () =>
    fetch(`http://127.0.0.1:${port}/things`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{"user":"ann"}',
    })
  return { app, port, place }
}

/** A raw connection, and everything that came over it once the server has closed it. */
async function open(port: number) {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // The server may close before everything has been sent: that is what is wanted.
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const text = () => Buffer.concat(chunks).toString()
  // Not by `once`, which rejects for such an error.
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text())))
  return { socket, closed, text }
}

/** Sends a byte at a time, for as long as the other side takes it. */
function trickle(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => {
    if (!socket.writable || at === text.length) clearInterval(timer)
    else socket.write(text[at++] ?? '')
  }, 20)
  onTestFinished(() => clearInterval(timer))
}

const statusAndProblem = (answer: string) => {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  expect(head).toMatch(/content-type: application\/problem\+json/i)
  return [Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]), JSON.parse(body).status, JSON.parse(body).code]
}

const quick = { headersTimeoutMs: 200, requestTimeoutMs: 400, timeoutsCheckedEveryMs: 20 }
const head = 'POST /things HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n'

describe('slow-loris', () => {
  it.each([
    ['headers', `${head}x-padding: ${'x'.repeat(9_000)}`],
    ['a body', `\r\n{"user":"${'x'.repeat(9_000)}`],
  ])('with %s a byte at a time: told 408 and cut, while others are served', async (what, text) => {
    const { port, place } = await listen(quick)
    const slow = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    for (const { socket } of slow) {
      if (what === 'a body') socket.write(head)
      trickle(socket, text)
    }
    expect((await place()).status).toBe(200)
    for (const { closed } of slow) expect(statusAndProblem(await closed)).toEqual([408, 408, 'request_timeout'])
    expect((await place()).status).toBe(200)
  })

  it('with connections that say nothing: closed after the idle time', async () => {
    const { port, place } = await listen({ idleTimeoutMs: 100 })
    const idle = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    expect((await place()).status).toBe(200)
    for (const { closed } of idle) expect(await closed).toBe('')
  })

  it('with more connections than there may be: the new ones are closed, the old ones are served', async () => {
    const { port } = await listen({ connectionsMax: 10 })
    const first = await Promise.all(Array.from({ length: 10 }, () => open(port)))
    const surplus = await Promise.all(Array.from({ length: 5 }, () => open(port)))
    for (const { closed } of surplus) expect(await closed).toBe('')
    for (const { socket, text } of first) {
      socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await eventually('it is answered', () => text().startsWith('HTTP/1.1 200'))
    }
  })
})

describe('what is no request', () => {
  const cases: [string, string, number, string][] = [
    ['not HTTP at all', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['a TLS handshake', '\u0016\u0003\u0001\u0002\u0000\u0001', 400, 'malformed_request'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nhost: a\u0000b\r\n\r\n', 400, 'malformed_request'],
    ['two lengths', `${head}content-length: 7\r\n\r\n`, 400, 'malformed_request'],
    [
      'a length and chunks, as request smuggling has it',
      `${head}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'malformed_request',
    ],
    ['headers without end', `${head}x-long: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['a URL without end', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431, 'headers_too_large'],
    ['an expectation of wonders', 'GET / HTTP/1.1\r\nhost: a\r\nexpect: wonders\r\n\r\n', 417, 'expectation_failed'],
    [
      'a URL beyond the limit',
      `GET /${'x'.repeat(9_000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      414,
      'url_too_long',
    ],
  ]
  it.each(cases)('%s gets a problem, and the connection is closed', async (_, text, status, code) => {
    const { port, place } = await listen()
    const { socket, closed } = await open(port)
    socket.write(text, 'latin1')
    expect(statusAndProblem(await closed)).toEqual([status, status, code])
    expect((await place()).status).toBe(200)
  })

  it('is counted', async () => {
    const { app, port } = await listen()
    const { socket, closed } = await open(port)
    socket.write('hello\r\n\r\n')
    await closed
    const { body } = await app.inject('/metrics')
    expect(body).toMatch(/http_request_seconds_count\{[^}]*route="malformed"[^}]*status="400"[^}]*\} 1/)
  })
})
