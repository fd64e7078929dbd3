// Client for RabbitMQ's management API, as far as a running service reads it.
import { unescape as decoded } from 'node:querystring'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { asError } from '../runtime/errors.ts'
import { brokerUrls } from './broker-urls.ts'

export interface Management {
  /** Base of all paths: `http://localhost:15672/api`. */
  api: string
  authorization: string
  /** For people; without login. */
  host: string
  vhost: string
}

const DEFAULT_LOGIN = 'guest'

/** Uses `MANAGEMENT_URL`, with the broker's login unless it has its own. By default, the first host of `AMQP_URL`. */
export function managementOf(amqpUrl: string, managementUrl?: string): Management | undefined {
  if (managementUrl === 'off') return undefined
  const broker = new URL(brokerUrls(amqpUrl)[0] ?? '')
  // The broker's login travels encrypted under TLS, so it must not be sent unencrypted here.
  const usual = broker.protocol === 'amqps:' ? 'https://host:15671' : 'http://host:15672'
  const base = new URL(managementUrl ?? usual.replace('host', broker.hostname))
  const { username, password } = base.username === '' ? broker : base
  const isAnonymous = username === '' && password === ''
  const login = isAnonymous ? [DEFAULT_LOGIN, DEFAULT_LOGIN] : [decoded(username), decoded(password)]
  return {
    api: `${base.origin}${base.pathname.replace(/\/$/, '')}/api`,
    authorization: `Basic ${Buffer.from(login.join(':')).toString('base64')}`,
    host: base.host,
    vhost: decoded(broker.pathname.slice(1)) || '/',
  }
}

const overview = Compile(Type.Object({ disable_stats: Type.Boolean() }))

/**
 * These columns of every queue of the vhost, as the broker reports them.
 *
 * @throws Error if the API cannot be asked, or if the broker collects no statistics: its answer would lack the columns
 */
export async function queuesAt(
  management: Management,
  columns: readonly string[],
  signal: AbortSignal,
): Promise<unknown> {
  const about = await ask(management, 'overview?columns=disable_stats', signal)
  if (!overview.Check(about)) throw new Error('its answer does not show whether its statistics are off')
  if (about.disable_stats) throw new Error('its statistics are off, so it does not show which policies apply')
  return ask(management, `queues/${encodeURIComponent(management.vhost)}?columns=${columns.join(',')}`, signal)
}

async function ask({ api, authorization }: Management, path: string, signal: AbortSignal): Promise<unknown> {
  const answer = await fetch(`${api}/${path}`, { headers: { authorization }, signal })
  // The body is always read, so that the connection becomes free.
  const text = await answer.text()
  if (!answer.ok) throw new Error(`it answers ${answer.status}`)
  return JSON.parse(text)
}

/** Why the API could not be asked, for people, with the cause that `fetch` hides. */
export function whyUnasked({ cause, message }: Error): string {
  // A name with several addresses fails once for each.
  const [told = message] = cause instanceof AggregateError ? cause.errors.map((one) => asError(one).message) : []
  return cause instanceof Error && cause.message !== '' ? cause.message : told
}
