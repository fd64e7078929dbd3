// A server with the HTTP side that all services share, and raw connections to it: no ordinary client sends what these tests send.

import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { Type } from 'typebox'
import { expect, onTestFinished } from 'vitest'
import { registry } from '../../contracts/index.ts'
import { createMetrics } from '../../service/metrics.ts'
import { keepingLog } from '../../testing/index.ts'
import { createHttp, type HttpServer } from '../http.ts'
import type { HttpLimits } from '../limits.ts'

/** `routes` adds what the test needs beside `POST /things`, which answers with what it got. */
export async function listen(limits: Partial<HttpLimits> = {}, routes: (app: HttpServer) => void = () => undefined) {
  const { log, lines } = await keepingLog()
  const metrics = createMetrics('test-service', registry, () => undefined)
  const about = { service: 'test-service', version: '1.2.3', summary: 'A test.' }
  const app = await createHttp({ ...about, log, metrics, faults: async () => [], limits })
  app.post('/things', { schema: { body: Type.Object({ user: Type.String() }) } }, async ({ body }) => body)
  routes(app)
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
  return { app, port, place, log: lines }
}

/** A raw connection, and everything that came over it once the server has closed it. */
export async function open(port: number) {
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

/** The status and the code of each answer of a closed connection, in order; every one from 400 on is a problem. */
export function answersIn(heard: string): [status: number, code: string | undefined][] {
  const answers: [number, string | undefined][] = []
  for (let rest = heard; rest !== ''; ) {
    const [head = ''] = rest.split('\r\n\r\n', 1)
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
    const body = rest.slice(head.length + 4, head.length + 4 + length)
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
    rest = rest.slice(head.length + 4 + length)
    if (status >= 400) {
      expect(head).toMatch(/^content-type: application\/problem\+json/im)
      expect(JSON.parse(body)).toMatchObject({ status, detail: expect.any(String) })
    }
    answers.push([status, status >= 400 ? JSON.parse(body).code : undefined])
  }
  return answers
}
