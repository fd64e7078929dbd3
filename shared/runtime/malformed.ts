// What is no HTTP request gets a problem too, written by hand since there is no reply yet, and its connection is closed.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { problem } from './problem.ts'

/** For fastify's `clientErrorHandler`; returns the status that was sent, or undefined when nobody listens any more. */
export function answerMalformed(code: string, socket: Socket): number | undefined {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return undefined
  }
  const answer = problemOf(code)
  const body = JSON.stringify(answer)
  const head = [
    `HTTP/1.1 ${answer.status} ${answer.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  // `destroySoon` closes our side whatever the other one does: a slow client is not waited for again.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
  return answer.status
}

/** For the server's `checkExpectation`: what is expected other than "100-continue" (RFC 9110, 10.1.1). */
export function answerExpectation(_: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify(problem(417, 'expectation_failed', 'only "100-continue" can be expected here'))
  const length = Buffer.byteLength(body)
  response.writeHead(417, { 'content-type': 'application/problem+json', 'content-length': length, connection: 'close' })
  response.end(body)
}

function problemOf(code: string) {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'request_timeout', 'the request did not arrive in time')
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'headers_too_large', 'the request line and headers are too large')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return problem(413, 'body_too_large', 'the chunk extensions are too large')
    default:
      return problem(400, 'malformed_request', 'this is not a valid HTTP request')
  }
}
