// A real HTTP server for tests, which answers as it is told and keeps what it was asked.
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Asked {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
  bytes: Buffer
}

export interface Answering {
  status: number
  headers?: Record<string, string>
  body?: object
  /** Takes the request and never answers. */
  silent?: boolean
  /** Takes the request and ends the connection. */
  hangsUp?: boolean
}

export interface Stub {
  url: string
  asked: Asked[]
  close(): Promise<void>
}

export async function startStub(answer: (asked: Asked) => Answering): Promise<Stub> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request
    const bytes = await buffer(request)
    const one = { method, path, headers, body: bytes.toString('utf8'), bytes }
    asked.push(one)
    const { status, headers: told = {}, body, silent, hangsUp } = answer(one)
    if (silent) return
    if (hangsUp) return request.socket.destroy()
    response.writeHead(status, { 'content-type': 'application/json', ...told })
    response.end(body === undefined ? '' : JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
