// What a path has, and what it has not: 405 with `Allow` (RFC 9110 §15.5.6), and 204 with it for OPTIONS (§9.3.7).
import { describe, expect, it } from 'vitest'
import type { HttpServer } from '../http.ts'
import { answersIn, listen, open } from './listening.ts'

async function asking() {
  const { app, port } = await listen({}, (server) => {
    server.get('/orders', async () => 'all')
    server.post('/orders', async () => 'placed')
    server.get('/orders/:id', async () => 'one')
    server.put('/orders/:id', async () => 'put')
    server.get('/orders/newest', async () => 'newest')
    server.register(async (inner: HttpServer) => inner.delete('/:id/lines', async () => 'gone'), { prefix: '/orders' })
    server.get('/files/*', async (_, reply) => reply.callNotFound())
  })
  const ask = async (method: string, path: string) => {
    const { socket, closed } = await open(port)
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
    const heard = await closed
    const allow = /^allow: ([^\r]*)/im.exec(heard)?.[1]
    // A HEAD has the length of the body that it leaves out.
    return method === 'HEAD' ? [Number(heard.split(' ')[1]), allow] : [...(answersIn(heard)[0] ?? []), allow]
  }
  return { app, ask }
}

const NOT_ALLOWED = [405, 'method_not_allowed']

describe('a path that is known', () => {
  it.each([
    ['PUT', '/orders', 'GET, HEAD, OPTIONS, POST'],
    ['DELETE', '/orders?x=/y', 'GET, HEAD, OPTIONS, POST'],
    ['PROPFIND', '/orders', 'GET, HEAD, OPTIONS, POST'],
    ['TRACE', '/orders', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/orders/7', 'GET, HEAD, OPTIONS, PUT'],
    ['PATCH', '/orders/a%2Fb', 'GET, HEAD, OPTIONS, PUT'],
    ['POST', '/orders/newest', 'GET, HEAD, OPTIONS, PUT'],
    ['POST', '/%6frders/7', 'GET, HEAD, OPTIONS, PUT'],
    ['GET', '/orders/7/lines', 'DELETE, OPTIONS'],
    ['DELETE', '/files/a/b', 'GET, HEAD, OPTIONS'],
    ['POST', '/health/live', 'GET, HEAD, OPTIONS'],
    ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
    ['POST', '/docs', 'GET, HEAD, OPTIONS'],
  ])('has no %s %s, and says what it has', async (method, path, allow) => {
    const { ask } = await asking()
    expect(await ask(method, path)).toEqual([...NOT_ALLOWED, allow])
    expect(await ask('OPTIONS', path)).toEqual([204, undefined, allow])
  })

  it('says so to a HEAD too', async () => {
    const { ask } = await asking()
    expect(await ask('HEAD', '/orders/7/lines')).toEqual([405, 'DELETE, OPTIONS'])
  })

  it('serves what it says', async () => {
    const { app } = await asking()
    for (const method of ['GET', 'HEAD', 'POST'] as const)
      expect((await app.inject({ method, url: '/orders' })).statusCode).toBe(200)
  })
})

describe('a path that is not known', () => {
  it.each([
    ['GET', '/nowhere'],
    ['PUT', '/nowhere'],
    ['OPTIONS', '/nowhere'],
    ['POST', '/orders/'],
    ['GET', '/orders/7/lines/8'],
    ['GET', '/files/none'],
  ])('is 404 for %s %s, with nothing allowed', async (method, path) => {
    const { ask } = await asking()
    expect(await ask(method, path)).toEqual([404, 'no_such_route', undefined])
  })
})

it('OPTIONS * asks of the server as a whole', async () => {
  const { ask } = await asking()
  expect(await ask('OPTIONS', '*')).toEqual([204, undefined, 'DELETE, GET, HEAD, OPTIONS, POST, PUT'])
})
