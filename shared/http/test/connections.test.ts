// What is no request takes nothing from those before it: each complete request is answered in its turn, then the malformed one,
// then the connection is closed (RFC 9112 §9.3.2).
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import { eventually } from '../../testing/index.ts'
import type { HttpServer } from '../http.ts'
import { answersIn, listen, open } from './listening.ts'

/** `POST /orders` and `GET /slow` answer when the test says so. */
function slowRoutes() {
  const gate = deferred<void>()
  const routes = (app: HttpServer) => {
    app.post('/orders', async ({ body }, reply) => {
      await gate.promise
      return reply.status(202).send(body)
    })
    app.get('/slow', async () => {
      await gate.promise
      return 'ok'
    })
  }
  return { routes, openGate: () => gate.resolve() }
}

const message = (first: string, headers: string[] = [], body = '') =>
  [first, 'host: localhost', ...headers, ...(body ? [`content-length: ${body.length}`] : []), '', body].join('\r\n')
const post = message('POST /orders HTTP/1.1', ['content-type: application/json'], '{"user":"ann"}')
const slow = message('GET /slow HTTP/1.1')
const chunked = message('POST /orders HTTP/1.1', ['content-type: application/json', 'transfer-encoding: chunked'])
const refused = message('POST /nowhere/at/all HTTP/1.1', ['transfer-encoding: chunked'])
const garbage = 'NO\r\n\r\n'
const endless = `GET / HTTP/1.1\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`
const closing = post.replace('host', 'connection: close\r\nhost')

const malformed = [400, 'malformed_request']
const accepted = [202, undefined]
const ok = [200, undefined]

describe('in one packet', () => {
  it.each<[string, string, unknown[]]>([
    ['a POST, then garbage', post + garbage, [accepted, malformed]],
    ['a GET, then garbage', slow + garbage, [ok, malformed]],
    ['two requests, then garbage', post + slow + garbage, [accepted, ok, malformed]],
    ['a POST, then headers without end', post + endless, [accepted, [431, 'headers_too_large']]],
    ['a POST, then one with a bad chunk', `${post}${chunked}zz\r\n`, [accepted, malformed]],
    [
      'a POST, then what wants a tunnel',
      post + message('CONNECT a:1 HTTP/1.1'),
      [accepted, [501, 'method_not_implemented']],
    ],
    // Nobody is listened to after "close" (RFC 9112 §9.6).
    ['the last POST, then garbage', closing + garbage, [accepted]],
  ])('%s: each is answered in its turn', async (_, text, answers) => {
    const { routes, openGate } = slowRoutes()
    const { app, port, place } = await listen({}, routes)
    const isBroken = Promise.race([once(app.server, 'clientError'), once(app.server, 'connect')])
    const { socket, closed } = await open(port)
    socket.write(text)
    await isBroken
    openGate()
    expect(answersIn(await closed)).toEqual(answers)
    expect((await place()).status).toBe(200)
  })
})

it('garbage that goes on is answered once, and changes nothing', async () => {
  const { routes, openGate } = slowRoutes()
  const { app, port } = await listen({}, routes)
  const { socket, closed } = await open(port)
  for (const text of [post + garbage, garbage, slow]) {
    const isBroken = once(app.server, 'clientError')
    socket.write(text)
    await isBroken
  }
  openGate()
  expect(answersIn(await closed)).toEqual([accepted, malformed])
  expect((await app.inject('/metrics')).body).toMatch(/http_request_seconds_count\{[^}]*route="malformed"[^}]*\} 1/)
})

it('a request that was answered before its body went wrong is not answered twice', async () => {
  const { app, port } = await listen({}, (server) => {
    server.addHook('onRequest', async (_, reply) => reply.status(204).send())
  })
  const { socket, closed, text } = await open(port)
  socket.write(refused)
  await eventually('it is answered', () => text().includes('\r\n\r\n'))
  const isBroken = once(app.server, 'clientError')
  socket.write('zz\r\n')
  await isBroken
  expect(answersIn(await closed)).toEqual([[204, undefined]])
})

it('a slow second request is told 408 after the answer to the first', async () => {
  const { routes, openGate } = slowRoutes()
  const { app, port } = await listen(
    { headersTimeoutMs: 2_000, requestTimeoutMs: 2_000, timeoutsCheckedEveryMs: 10 },
    routes,
  )
  const isLate = once(app.server, 'clientError')
  const { socket, closed } = await open(port)
  socket.write(`${post}GET /slow HTTP/1.1\r\nhost: a`)
  await isLate
  openGate()
  expect(answersIn(await closed)).toEqual([accepted, [408, 'request_timeout']])
})

describe('a client that half-closes right after', () => {
  it.each<[string, string, unknown[]]>([
    ['its POST', post, [accepted]],
    ['two requests', post + slow, [accepted, ok]],
    ['a POST and garbage', post + garbage, [accepted, malformed]],
    ['half a request', `${post}GET /sl`, [accepted, malformed]],
  ])('%s is still answered, and the connection is closed', async (_, text, answers) => {
    const { routes, openGate } = slowRoutes()
    const { app, port } = await listen({}, routes)
    const hasEnded = once(app.server, 'connection').then(([socket]) => once(socket, 'end'))
    const { socket, closed } = await open(port)
    socket.end(text)
    await hasEnded
    openGate()
    expect(answersIn(await closed)).toEqual(answers)
  })
})

it('a request of HTTP/1.0 needs no Host', async () => {
  const { port } = await listen()
  const { socket, closed } = await open(port)
  socket.write('GET /health/live HTTP/1.0\r\n\r\n')
  expect(answersIn(await closed)).toEqual([ok])
})

it('a request that comes while the server closes is told so by a problem', async () => {
  const isClosing = deferred<void>()
  const { app, port } = await listen({}, (server) => server.addHook('preClose', async () => isClosing.resolve()))
  const connected = once(app.server, 'connection')
  const { socket, closed } = await open(port)
  const [served] = (await connected) as [Socket]
  socket.write(slow.slice(0, 20))
  await eventually('half of it has arrived', () => served.bytesRead === 20)
  const done = app.close()
  await isClosing.promise
  socket.write(slow.slice(20))
  expect(answersIn(await closed)).toEqual([[503, 'stopping']])
  await done
})
