// Answers bytes that are no HTTP request with a problem, written to the socket since there is no reply object, and closes the
// connection.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { problem } from './problem.ts'

type Answer = ReturnType<typeof problem>

/** The requests on one connection. */
interface Asked {
  unanswered: Set<ServerResponse>
  newest: ServerResponse
}

/**
 * The answer to malformed bytes waits until every complete request before them on the connection has been answered. Those were
 * valid and may have had their effect already (RFC 9112 §9.3.2). `count` gets the status of each such answer.
 */
export function createMalformed(count: (status: number) => void) {
  const connections = new WeakMap<Duplex, Asked>()
  const ending = new WeakSet<Duplex>()

  /** Registers an answer in progress. */
  function watch({ socket }: IncomingMessage, response: ServerResponse): void {
    const unanswered = connections.get(socket)?.unanswered ?? new Set()
    connections.set(socket, { unanswered: unanswered.add(response), newest: response })
    response.once('finish', () => unanswered.delete(response))
  }

  /** Writes `answer` as the last answer of the connection, once. Node reports every byte after the fault again. */
  function end(socket: Duplex, answer: Answer): void {
    if (ending.has(socket)) return
    ending.add(socket)
    const { unanswered = new Set<ServerResponse>(), newest } = connections.get(socket) ?? {}
    // The fault is in this request's body, so `answer` is its answer. If the request was answered without waiting for the body,
    // nothing more is written.
    const faulty = newest?.req.complete === false ? newest : undefined
    const isAnswered = faulty?.headersSent === true
    const last = [...unanswered].filter((response) => response !== faulty || isAnswered).at(-1)
    const close = () => {
      if (!isAnswered) {
        write(socket, answer)
        count(answer.status)
      }
      closeSoon(socket)
    }
    // Must run before Node's own listener, which closes the connection of a client that sends nothing more.
    if (last) last.prependOnceListener('finish', close)
    else close()
  }

  return {
    /** Call before the server listens. */
    watchServer(server: Server): void {
      server.prependListener('request', watch)
      server.on('checkExpectation', (request, response) => {
        watch(request, response)
        answerExpectation(request, response)
      })
      server.on('connect', ({ method }, socket) =>
        end(socket, problem(501, 'method_not_implemented', `${method} is for proxies`)),
      )
      // A client that has closed its sending side still waits for the answer. Node has this setting but does not document it.
      Object.assign(server, { httpAllowHalfOpen: true })
    },
    /** For fastify's `clientErrorHandler`. */
    answer({ code }: { code: string }, socket: Duplex): void {
      if (code === 'ECONNRESET' || !socket.writable) socket.destroy()
      // After a request with "Connection: close" nothing more is read (RFC 9112 §9.6). Its answer closes the connection.
      else if (code !== 'HPE_CLOSED_CONNECTION') end(socket, problemOf(code))
    },
  }
}

function write(socket: Duplex, answer: Answer): void {
  const body = JSON.stringify(answer)
  const head = [
    `HTTP/1.1 ${answer.status} ${answer.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Closes our side when everything is sent, without waiting for a slow client. */
function closeSoon(socket: Duplex): void {
  socket.end(() => socket.destroy())
}

/** For an expectation other than "100-continue" (RFC 9110 §10.1.1). */
function answerExpectation(_: IncomingMessage, response: ServerResponse): void {
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
