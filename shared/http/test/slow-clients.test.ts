// Clients that send slowly, endlessly or nonsense: each is told what is wrong where it can be, its connection is closed, and
// everybody else is served meanwhile.
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../../testing/index.ts'
import { answersIn, listen, open } from './listening.ts'

/** Sends a byte at a time, for as long as the other side takes it. */
function trickle(socket: Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => {
    if (!socket.writable || at === text.length) clearInterval(timer)
    else socket.write(text[at++] ?? '')
  }, 20)
  onTestFinished(() => clearInterval(timer))
}

/** Long enough for whoever sends at once on a machine that is busy. */
const quick = { headersTimeoutMs: 2_000, requestTimeoutMs: 2_000, timeoutsCheckedEveryMs: 20 }
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
    for (const { closed } of slow) expect(answersIn(await closed)).toEqual([[408, 'request_timeout']])
    expect((await place()).status).toBe(200)
  })

  it('with connections that say nothing: closed after the idle time', async () => {
    const { port, place } = await listen({ idleTimeoutMs: 2_000 })
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
    ['a request for a tunnel', 'CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', 501, 'method_not_implemented'],
    ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400, 'bad_host'],
    ['two Hosts', 'GET /health/live HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n', 400, 'bad_host'],
    ['the same Host twice', 'GET /health/live HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n', 400, 'bad_host'],
    ['two Hosts, of which one is empty', 'GET /health/live HTTP/1.1\r\nhost:\r\nhost: a\r\n\r\n', 400, 'bad_host'],
    ['a Host that is none', 'GET /health/live HTTP/1.1\r\nhost: a@b/c\r\n\r\n', 400, 'bad_host'],
    ['two Hosts in HTTP/1.0', 'GET /health/live HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n', 400, 'bad_host'],
    ['a URL in latin-1', 'GET /th\u00efngs HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'malformed_request'],
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
    expect(answersIn(await closed)).toEqual([[status, code]])
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
