// Makes one HTTP POST to a URL that a customer gave: to public addresses only, without redirects, limited in time and
// size.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { asError, PermanentError } from '@orders/shared/runtime'
import { retryAfterOf } from './ask-provider.ts'
import { publicLookup, refusePrivateLiteral } from './public-address.ts'
import { ProviderError } from './sender.ts'

/** Only status and headers matter. The body is not read, so no answer is too long. */
export interface Answer {
  status: number
  /** Undefined if the answer has no Retry-After, or an unreadable one. */
  retryAfterSeconds: number | undefined
  /** Where a push service stores the message. */
  location: string | undefined
}

export interface Post {
  url: string
  headers: Record<string, string>
  body: string | Buffer
  signal: AbortSignal
  /** For development and tests. */
  allowPrivate: boolean
  timeoutMs?: number
}

const TIMEOUT_MS = 10_000
const URL_MAX = 2_048

/**
 * Resolves with any answer of the other side. Each call opens a connection of its own, so that each one's address is
 * checked.
 *
 * @throws PermanentError `bad_url`, `private_address`; ProviderError `unreachable` if no request can have arrived,
 * `no_answer` if one may have.
 */
export async function post({
  url,
  headers,
  body,
  signal,
  allowPrivate,
  timeoutMs = TIMEOUT_MS,
}: Post): Promise<Answer> {
  const target = urlOf(url)
  if (!allowPrivate) refusePrivateLiteral(target)
  const isSecure = target.protocol === 'https:'
  return new Promise((resolve, reject) => {
    let connected = false
    const request = (isSecure ? requestHttps : requestHttp)(target, {
      method: 'POST',
      headers: { 'content-length': Buffer.byteLength(body), ...headers },
      agent: false,
      signal,
      ...(allowPrivate ? {} : { lookup: publicLookup }),
    })
    request.on('socket', (socket) =>
      socket.on(isSecure ? 'secureConnect' : 'connect', () => {
        connected = true
      }),
    )
    const timer = setTimeout(() => request.destroy(new Error(`silent for ${timeoutMs} ms`)), timeoutMs)
    request.on('close', () => clearTimeout(timer))
    request.on('error', (error) => reject(failureOf(error, connected)))
    request.on('response', ({ statusCode: status = 0, headers: told }) => {
      resolve({ status, retryAfterSeconds: retryAfterOf(told['retry-after']), location: told.location })
      request.destroy()
    })
    request.end(body)
  })
}

function urlOf(text: string): URL {
  const url = text.length <= URL_MAX && URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new PermanentError('bad_url', 'this is not an http or https URL, or it contains a password')
  return url
}

/** Has no `cause`, since a customer's URL must not get into logs. */
function failureOf(thrown: unknown, connected: boolean): Error {
  const error = asError(thrown)
  if (error instanceof PermanentError) return error
  const why = 'code' in error ? String(error.code) : error.message
  return connected
    ? new ProviderError('no_answer', `no answer: ${why}`, { outcome: 'unknown' })
    : new ProviderError('unreachable', `no connection: ${why}`, { outcome: 'refused' })
}
