// Makes one HTTP call to a provider that the operator configured, limited in time and size, and classifies its failure.
import { asError, RejectedError } from '@orders/shared/runtime'
import { ProviderError } from './sender.ts'

export interface ProviderAnswer {
  status: number
  retryAfterSeconds: number
  /** Amazon's name of the error. */
  errorType: string
  /** Undefined if the answer is not JSON. */
  body: unknown
}

interface Question {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  signal: AbortSignal
  timeoutMs?: number
}

const TIMEOUT_MS = 10_000
const ANSWER_MAX_BYTES = 1_048_576
/** Without a connection no request can have arrived. */
const NEVER_CONNECTED = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_.*)$/

/** @throws ProviderError `provider_unreachable`, `provider_silent`. */
export async function askProvider(url: string, question: Question): Promise<ProviderAnswer> {
  const { signal, timeoutMs = TIMEOUT_MS, ...request } = question
  const limit = new AbortController()
  const end = () => limit.abort()
  const timer = setTimeout(end, timeoutMs)
  signal.addEventListener('abort', end, { once: true })
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal: limit.signal })
    const retryAfterSeconds = retryAfterOf(response.headers.get('retry-after')) ?? 0
    const errorType = response.headers.get('x-amzn-errortype') ?? ''
    return { status: response.status, retryAfterSeconds, errorType, body: jsonOf(await beginningOf(response)) }
  } catch (thrown) {
    throw failureOf(asError(thrown))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

/** @throws RejectedError 503 `unreachable` */
export async function fetchText(url: string): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (response.ok) return await beginningOf(response)
    throw new Error(`it answered ${response.status}`)
  } catch (cause) {
    throw new RejectedError(503, 'unreachable', `${new URL(url).host} cannot be asked`, { cause })
  }
}

async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    size += chunk.length
    if (size > ANSWER_MAX_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // For example a proxy's error page. The status is enough.
    return undefined
  }
}

function failureOf(error: Error): ProviderError {
  const { cause } = error
  const why = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : error.name
  return NEVER_CONNECTED.test(why)
    ? new ProviderError('provider_unreachable', `no connection: ${why}`, { outcome: 'refused' })
    : new ProviderError('provider_silent', `no answer: ${why}`, { outcome: 'unknown' })
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAfterOf(header: string | undefined | null): number | undefined {
  if (header === undefined || header === null) return undefined
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds))
}

/** The text, or number as text, at a path of a provider's JSON; `''` if there is none. */
export function textAt(body: unknown, ...path: string[]): string {
  const value = path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
    body,
  )
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** The list at a path of a provider's JSON; empty if there is none. */
export function listAt(body: unknown, ...path: string[]): unknown[] {
  const value = path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
    body,
  )
  return Array.isArray(value) ? value : []
}
