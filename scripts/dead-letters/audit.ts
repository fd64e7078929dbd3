// The way to audit-service for a command line: where it listens, and what it answers.
import { asError } from '@orders/shared/runtime'
import { addressOf } from '../services/address.ts'

export interface Failed {
  id: string
  state: string
  queue: string
  service: string
  type: string
  subject: string
  messageId: string
  code: string
  reason: string
  place: string
  attempts: number
  firstAt: string
  failedAt: string
}

export interface Shown extends Failed {
  history: { at: string; attempt: number; error: string }[]
  stack: string
  body: { text?: string; base64?: string }
  failures: Failed[]
  nextStep: string
}

export interface Rehearsed {
  outcome: 'decided' | 'fails' | 'open' | 'not_answering'
  sentence: string
  says: { type: string; data: unknown }[]
  error: { stack: string } | null
}

export interface Group extends Failed {
  fingerprint: string
  count: number
  oldest: string
  newest: string
  example: string
}

export interface Replay {
  id: string
  state: 'running' | 'stopped' | 'done'
  why: string | null
  operator: string
  reason: string
  total: number
  position: number
  sent: number
  failedAgain: number
  createdAt: string
}

export type Audit = ReturnType<typeof openAudit>

export function openAudit(environment: NodeJS.ProcessEnv) {
  const { url, headers: authorization } = addressOf('audit', environment)

  /** @throws Error in a sentence: that it does not run, or what it refuses */
  async function ask<T>(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...authorization,
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((thrown: unknown) => {
      throw new Error(
        `audit-service does not answer at ${url}: start it (npm run start:audit), or set PORT_BASE or PORT, and HOST, as for the service. While it is stopped, failed messages wait in their queues.`,
        { cause: asError(thrown) },
      )
    })
    // The casts are the decoding edge: what audit-service answers is written in its `failed/http.ts`.
    if (answer.ok) return (await answer.json()) as T
    const { detail = answer.statusText } = (await answer.json().catch(() => ({}))) as { detail?: string }
    throw new Error(detail)
  }

  return {
    get: <T>(path: string) => ask<T>('GET', path),
    post: <T>(path: string, body?: object) => ask<T>('POST', path, body),
    put: <T>(path: string, body: object, headers: Record<string, string>) => ask<T>('PUT', path, body, headers),
  }
}
