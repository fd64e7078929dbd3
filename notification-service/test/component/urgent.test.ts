// Urgent notifications while the broker is away: sent all the same, and once, when it is back.
import { topology } from '@orders/shared/contracts'
import type { Broker } from '@orders/shared/messaging'
import { type Deferred, deferred, type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, type LogLine, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { NotificationConfig } from '../../config.ts'
import { notificationService } from '../../service.ts'
import { type MailServer, startMailServer } from '../mail-server.ts'

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let server: MailServer
let memory: ReturnType<typeof createMemoryBroker>
let copies: { service: RunningService; lines: LogLine[] }[]
let isAway: boolean
let back: Deferred<void>
/** How far the services' clock is ahead. */
let aheadMs: number

/** The time between two looks is over. */
const lookAgain = () => vi.advanceTimersByTime(1_000)

/** While it is away it says so, takes nothing and gives nothing. */
function outageOf(broker: Broker): Broker {
  return {
    ...broker,
    status: () => (isAway ? { fault: 'not reachable', unconfirmed: 0, refused: [] } : broker.status()),
    publish: (publication) => back.promise.then(() => broker.publish(publication)),
  }
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  aheadMs = 0
  scratch = await scratchFolder()
  server = await startMailServer()
  memory = createMemoryBroker(topology)
  copies = []
  isAway = true
  back = deferred()
})
afterEach(async () => {
  back.resolve()
  for (const { service } of copies) expect(await service.close()).toEqual({ clean: true })
  vi.useRealTimers()
  await server.close()
  await scratch.remove()
})

async function start(): Promise<RunningService> {
  const environment = { DATA_DIR: scratch.path, SMTP_URL: server.url, URGENT_DIRECT_AFTER_MS: '100' }
  const config = { ...readConfig(NotificationConfig, environment), portBase: 0 }
  const { log, lines } = await keepingLog('notification-service')
  const service = await startService(notificationService, config, {
    log,
    now: () => new Date(Date.now() + aheadMs),
    openBroker: (name) => outageOf(memory.connect(name)),
    broken: (error) => {
      throw error
    },
  })
  copies.push({ service, lines })
  return service
}

interface Shown {
  id: string
  status: string
  attempts: { attempt: number; outcome: string }[]
}

async function post({ url }: RunningService, priority: string): Promise<string> {
  const answer = await fetch(`${url}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: { email: 'ann@example.com' }, subject: priority, body: 'now', priority }),
  })
  expect(answer.status).toBe(202)
  return ((await answer.json()) as Shown).id
}

const shown = async ({ url }: RunningService, id: string) =>
  (await (await fetch(`${url}/notifications/${id}`)).json()) as Shown
const standing = (service: RunningService, id: string, status: string) =>
  looking(`it is ${status}`, async () => (await shown(service, id)).status === status)

/** Comes true while the services look again and again. */
const looking = (what: string, isSo: () => boolean | Promise<boolean>) =>
  eventually(what, () => {
    lookAgain()
    return isSo()
  })

/** The broker is back, and every request has been handled by its message. */
async function comeBack(requests: number): Promise<void> {
  isAway = false
  back.resolve()
  const lines = () => copies.flatMap((copy) => copy.lines)
  await eventually(
    'each message is settled',
    () =>
      lines().filter((line) => line.queue === 'notification.email.queue' && SETTLED.test(line.msg)).length === requests,
  )
}
const SETTLED = /^(handled|dead letter)$/

it('are sent without it, and not again by their message; others wait', async () => {
  const service = await start()
  const ids = { urgent: await post(service, 'urgent'), normal: await post(service, 'normal') }
  await standing(service, ids.urgent, 'sent')
  expect(await shown(service, ids.normal)).toMatchObject({ status: 'waiting', attempts: [] })
  await comeBack(2)
  await standing(service, ids.normal, 'sent')
  expect(server.accepted.map(({ mail }) => mail.subject)).toEqual(['urgent', 'normal'])
  expect((await shown(service, ids.urgent)).attempts).toMatchObject([{ attempt: 1, outcome: 'sent' }])
})

it('are sent by one of two copies', async () => {
  const moment = deferred()
  server.answerAfter(moment.promise)
  const services = [await start(), await start()] as const
  const id = await post(services[0], 'urgent')
  await looking('the mail is with the server', () => server.accepted.length > 0)
  const lines = () => copies.flatMap((copy) => copy.lines)
  await looking('the other one lets it be', () => lines().some(({ code }) => code === 'sending_elsewhere'))
  moment.resolve()
  await standing(services[1], id, 'sent')
  await comeBack(1)
  expect(server.accepted).toHaveLength(1)
})

it('are tried again when they are refused for now, and every attempt is kept', async () => {
  const service = await start()
  server.refuse('data', 451)
  const id = await post(service, 'urgent')
  await looking('it was refused', async () => (await shown(service, id)).attempts.length === 1)
  // As long as its message would have waited.
  aheadMs += 1_000
  await standing(service, id, 'sent')
  await comeBack(1)
  expect((await shown(service, id)).attempts).toMatchObject([
    { attempt: 1, outcome: 'failed' },
    { attempt: 2, outcome: 'sent' },
  ])
  expect(server.accepted).toHaveLength(1)
})

it('are given up when they are refused for good; their message makes the dead letter', async () => {
  const service = await start()
  server.refuse('recipient', 554, 554)
  const id = await post(service, 'urgent')
  await standing(service, id, 'failed')
  await comeBack(1)
  await eventually('it is there', () => memory.messages('notification.email.dlq').length === 1)
  const failures = memory.messages('audit.queue').filter(({ properties }) => properties.type === 'notification.failed')
  expect(failures).toHaveLength(1)
})

it('wait for their message while the broker is there', async () => {
  isAway = false
  const service = await start()
  const id = await post(service, 'urgent')
  await post(service, 'normal')
  for (let looks = 0; looks < 5; looks++) lookAgain()
  expect(await shown(service, id)).toMatchObject({ status: 'waiting', attempts: [] })
  await comeBack(2)
  expect(server.accepted).toHaveLength(2)
  expect(copies.flatMap(({ lines }) => lines).filter(({ msg }) => msg === 'sent without the broker')).toEqual([])
})
