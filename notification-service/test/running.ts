// The whole service for tests, in one copy or several: an in-memory broker, one database file, mails as files, a clock in hand.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Message, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, type LogLine, scratchFolder } from '@orders/shared/testing'
import { onTestFinished } from 'vitest'
import { NotificationConfig } from '../config.ts'
import { notificationService } from '../service.ts'
import { startStub } from './stub.ts'

interface Heard {
  id: string
  type: string
  data: Record<string, unknown>
}

interface Settings {
  copies?: number
  env?: Record<string, string>
  /** With no provider at all; otherwise SMS and webhooks go to `providers`, which takes everything. */
  isBare?: boolean
  /** Of the clock, at the start. */
  at?: string
}

export async function openServices({
  copies = 1,
  env = {},
  isBare = false,
  at = '2026-11-21T08:30:00.000Z',
}: Settings = {}) {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  const providers = await startStub(() => ({ status: 201, body: { sid: 'SM1' } }))
  onTestFinished(() => providers.close())
  const configured = {
    TWILIO_ACCOUNT_SID: 'AC1',
    TWILIO_AUTH_TOKEN: 'secret',
    TWILIO_FROM: '+15005550006',
    TWILIO_BASE_URL: providers.url,
    WEBHOOK_SECRET: 'a-master-secret-of-24-chars',
    WEBHOOK_ALLOW_PRIVATE: 'true',
  }
  const broker = createMemoryBroker(topology)
  const clock = { now: at }
  const lines: LogLine[] = []

  async function start(more: Record<string, string> = {}) {
    const config = {
      ...readConfig(NotificationConfig, {
        DATA_DIR: scratch.path,
        RELEASE_POLL_MS: '10',
        ...(!isBare && configured),
        ...env,
        ...more,
      }),
      portBase: 0,
    }
    const keeping = await keepingLog('notification-service')
    const service = await startService(notificationService, config, {
      log: keeping.log,
      now: () => new Date(clock.now),
      openBroker: (name) => broker.connect(name),
      broken: (error) => {
        throw error
      },
    })
    let isOpen = true
    const stop = async () => {
      if (isOpen) await service.close()
      isOpen = false
      lines.push(...keeping.lines)
    }
    onTestFinished(stop)
    return { url: service.url, stop, lines: keeping.lines }
  }

  const running: Awaited<ReturnType<typeof start>>[] = []
  for (let copy = 0; copy < copies; copy++) running.push(await start())
  const url = () => running[0]?.url ?? ''
  const heard = () => broker.messages('audit.queue').map(({ body }) => JSON.parse(body) as Heard)

  async function asked(method: string, path: string, sent?: unknown, headers: Record<string, string> = {}) {
    const answer = await fetch(url() + path, {
      method,
      headers: { ...(sent !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(sent !== undefined && { body: JSON.stringify(sent) }),
    })
    const text = await answer.text()
    // What an answer looks like is what a test says of it.
    const body: ReturnType<typeof JSON.parse> = text === '' ? undefined : JSON.parse(text)
    return { status: answer.status, headers: answer.headers, body }
  }

  return {
    broker,
    providers,
    clock,
    lines,
    start,
    running,
    asked,
    get: (path: string) => asked('GET', path),
    post: (path: string, body?: unknown, headers?: Record<string, string>) => asked('POST', path, body, headers),
    put: (path: string, body: unknown) => asked('PUT', path, body),
    say: (message: Message) => broker.connect('test').publish(encode(registry, message, 'test', {})),
    heard,
    /** What waits for its next attempt is tried now. */
    async hasten() {
      const waiting = await eventually('something waits to be tried again', async () => {
        const { body } = await asked('GET', '/retries')
        return body.retries.length > 0 && (body.retries as { id: string }[])
      })
      for (const { id } of waiting) await asked('POST', `/retries/${id}/hasten`)
    },
    /** The same again and again, until these have been said: one that is tried too early waits on. */
    hastenUntil: (...ids: string[]) =>
      eventually(`${ids} are said`, async () => {
        const { body } = await asked('GET', '/retries')
        for (const { id } of body.retries as { id: string }[]) await asked('POST', `/retries/${id}/hasten`)
        return ids.every((id) => heard().some((event) => event.id === id))
      }),
    /** By their ids, those that notification-service said. */
    said: () => heard().flatMap(({ id, type }) => (type.startsWith('notification.') ? [id] : [])),
    hear: (id: string) => eventually(`${id} is said`, () => heard().find((event) => event.id === id)),
    folder: scratch.path,
    mails: async () => (await readdir(join(scratch.path, 'mail')).catch(() => [])).sort(),
  }
}
