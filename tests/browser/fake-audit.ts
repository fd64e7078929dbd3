// audit-service as the console sees it, with failed messages of three causes in it: the real pages, and answers in memory.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { orders, registry, topology } from '@orders/shared/contracts'
import { CONSOLE_HEADERS, readConsole } from '../../audit-service/console.ts'
import { nextStepFor } from '../../audit-service/failed/advice.ts'
import { maskedBytes } from '../../audit-service/personal/masked.ts'
import { readyQueues, readyServices, waitingMails } from './fake-services.ts'
import { stuckEvents, stuckSpans, stuckStory, stuckWhole } from './fake-story.ts'

const BEGUN = '2026-11-02T03:12:00.000Z'
const idOf = (number: number) => number.toString(16).padStart(32, '0')

export type FakeAudit = Awaited<ReturnType<typeof startFakeAudit>>
type Body = Record<string, unknown> & { expected?: number; ids?: string[]; filter?: Record<string, string> }

interface Cause {
  queue: string
  service: string
  type: string
  code: string
  reason: string
  place: string
  fingerprint: string
}

const causes: (Cause & { count: number })[] = [
  {
    count: 24,
    queue: 'payment.dlq',
    service: 'payment-service',
    type: 'inventory.reserved',
    code: 'TypeError',
    reason: 'Cannot read properties of undefined (reading ‘totalCents’)',
    place: 'amountOf',
    fingerprint: 'a1'.repeat(8),
  },
  {
    count: 5,
    queue: 'notification.email.dlq',
    service: 'notification-service',
    type: 'notification.requested',
    code: 'mail_refused',
    reason: '550 5.1.1 mailbox unavailable',
    place: 'deliver',
    fingerprint: 'b2'.repeat(8),
  },
  {
    count: 1,
    queue: 'order.dlq',
    service: 'order-service',
    type: '',
    code: 'undecodable',
    reason: 'the body is not JSON',
    place: 'decodeEnvelope',
    fingerprint: 'c3'.repeat(8),
  },
]

const untold = {
  orderId: '77',
  missing: ['notification.requested/order.shipped.2'],
  after: 'notification.failed/order.shipped.email',
  since: BEGUN,
  sinceMs: 0,
  status: 'failed',
  overdueAt: BEGUN,
  service: 'notification',
  nextStep: 'POST /notifications/77-order.shipped/resend (notification-service)',
}
const hop = {
  hop: 'notification.failed → notification.requested',
  count: 1,
  oldest: BEGUN,
  status: 'failed',
  failed: 0,
  areAllFailed: false,
  nextStep: null as string | null,
}

const body = (subject: string) =>
  JSON.stringify({
    specversion: '1.0',
    id: `${subject}/inventory.reserved`,
    type: 'inventory.reserved',
    dataschema: registry.contracts.get('inventory.reserved')?.dataschema,
    source: '/inventory-service',
    subject,
    time: BEGUN,
    data: {
      customer: 'x',
      user: 'gayal',
      contact: { email: 'gayal@example.com', locale: 'de-AT' },
      lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1000, name: 'A cup' }],
      priority: 'standard',
    },
  })

function lettersOf(cause: Cause & { count: number }, from: number) {
  const { count, ...about } = cause
  return Array.from({ length: count }, (_, index) => {
    const subject = `order-${from + index}`
    return {
      ...about,
      id: idOf(from + index),
      state: 'waiting',
      version: '0.1.0',
      subject,
      messageId: `${subject}/${about.type}`,
      attempts: 6,
      firstAt: BEGUN,
      failedAt: new Date(Date.parse(BEGUN) + index * 1_000).toISOString(),
      sentAgainOf: null,
      resendId: null as string | null,
      revision: 1,
      text: about.type === '' ? 'no JSON at all' : body(subject),
    }
  })
}

/** Needs `token` where one is given, which names `operator`. */
export async function startFakeAudit({ token, operator = null }: { token?: string; operator?: string | null } = {}) {
  const letters = causes.flatMap((cause, index) => lettersOf(cause, 100 * (index + 1)))
  const resends: Record<string, unknown>[] = []
  const services = readyServices(orders.services)
  const ownHop = { ...hop }
  const queues = readyQueues(topology.queues.map(({ name }) => name))
  const mails = waitingMails()
  const actions: Record<string, unknown>[] = []
  const recorded = (action: string, { operator, reason }: Body, about: object) =>
    actions.unshift({ sequence: actions.length + 1, at: BEGUN, operator, reason, action, about })
  const files = new Map(readConsole(orders).map((file) => [file.path, file]))

  const fitting = ({ ids, filter = {} }: Pick<Body, 'ids' | 'filter'>) =>
    letters.filter((letter) =>
      ids
        ? ids.includes(letter.id)
        : Object.entries({ state: 'waiting', ...filter }).every(([name, value]) => fits(letter, name, value)),
    )
  const counted = (asked: Body) => {
    const found = fitting(asked)
    if (found.length !== asked.expected)
      throw new Refusal(409, 'count_differs', `there are ${found.length} now, not ${asked.expected}: nothing was done`)
    return found
  }
  const found = (id = '') => {
    const letter = letters.find((one) => one.id === id)
    if (!letter) throw new Refusal(404, 'no_such_failure', `there is no failed message ${id}`)
    return letter
  }
  const resend = (id = '') => {
    const one = resends.find((known) => known.id === id)
    if (!one) throw new Refusal(404, 'no_such_replay', `there is no replay ${id}`)
    return one
  }
  const shown = (id = '') => {
    const { text, ...letter } = found(id)
    return {
      ...letter,
      home: letter.queue.replace('.dlq', '.queue'),
      exchange: 'inventory.exchange',
      routingKey: letter.type,
      stack: 'TypeError: Cannot read properties of undefined\n    at amountOf (payment-service/domain.js:41:22)',
      keptAt: letter.failedAt,
      history: [{ at: BEGUN, attempt: 6, error: `${letter.code}: ${letter.reason}` }],
      properties: { messageId: letter.messageId, headers: { attempt: 6 } },
      body: masked(text),
      original: null,
      failures: [letter],
      sentBy: 'order-service',
      nextStep: nextStepFor({ ...letter, state: 'waiting', sentBy: 'order-service', cameBackAs: undefined }),
    }
  }

  const answers: [
    RegExp,
    (asked: { query: URLSearchParams; id?: string | undefined; body: Body }, ifMatch: string) => unknown,
  ][] = [
    [/^GET \/audit\/gaps$/, () => ({ gaps: [untold], hops: [ownHop], next: null, behind: 0 })],
    [/^GET \/audit\/orders\/stuck-7$/, stuckStory],
    [/^GET \/audit\/orders\/stuck-7\/spans$/, () => ({ spans: stuckSpans() })],
    [
      /^GET \/audit\/events$/,
      ({ query }) => {
        const events = stuckEvents().filter(
          ({ sequence, type }) =>
            sequence > Number(query.get('after') ?? 0) && type.startsWith(query.get('type') ?? ''),
        )
        return { events, next: null, kept: 12 }
      },
    ],
    [/^GET \/audit\/verify$/, () => ({ ok: true, events: 12, head: { sequence: 12, hash: '0' }, conflicts: [] })],
    [
      /^GET \/failed\/groups$/,
      () => {
        const groups = causes
          .map((cause) => ({ ...cause, all: fitting({ filter: { fingerprint: cause.fingerprint } }) }))
          .filter(({ all }) => all.length > 0)
          .map(({ all, ...cause }) => ({
            ...cause,
            nextStep: nextStepFor({ ...cause, state: 'waiting', sentBy: 'order-service', cameBackAs: undefined }),
            count: all.length,
            sentBy: 'order-service',
            oldest: BEGUN,
            newest: all.at(-1)?.failedAt,
            example: all[0]?.id,
          }))
        return { groups, areAll: true, missingQueues: [] }
      },
    ],
    [
      /^GET \/failed$/,
      ({ query }) => {
        const { limit: _, state = 'waiting', ...filter } = Object.fromEntries(query)
        return { failed: fitting({ filter: { state, ...filter } }).toReversed(), next: null }
      },
    ],
    [/^GET \/replays$/, () => ({ replays: resends.toReversed(), next: null })],
    [/^GET \/replays\/([0-9a-f]+)$/, ({ id }) => resend(id)],
    [
      /^POST \/replays$/,
      ({ body: asked }) => {
        const taken = counted(asked)
        const id = idOf(900 + resends.length)
        for (const letter of taken) Object.assign(letter, { state: 'sending', resendId: id })
        const { operator, reason, expected: total, ids, filter, ratePerSecond = 100 } = asked
        const progress = {
          position: 1,
          stepEnd: 1,
          sent: 1,
          failedAgain: 0,
          watchUntil: null,
          why: null,
          endedAt: null,
        }
        resends.push({
          id,
          state: 'running',
          operator,
          reason,
          total,
          selection: { ids, filter },
          ratePerSecond,
          createdAt: BEGUN,
          ...progress,
        })
        return resend(id)
      },
    ],
    [
      /^POST \/replays\/([0-9a-f]+)\/stop$/,
      ({ id, body: { operator } }) =>
        Object.assign(resend(id), { state: 'stopped', why: `${operator} stopped it`, endedAt: BEGUN }),
    ],
    [
      /^POST \/replays\/([0-9a-f]+)\/resume$/,
      ({ id }) => Object.assign(resend(id), { state: 'running', why: null, endedAt: null }),
    ],
    [
      /^POST \/failed\/archive$/,
      ({ body: asked }) => {
        const taken = counted(asked)
        for (const letter of taken) letter.state = 'archived'
        return { archived: taken.length }
      },
    ],
    [
      /^POST \/failed\/([0-9a-f]{32})\/archive$/,
      ({ id }) => {
        found(id).state = 'archived'
        return shown(id)
      },
    ],
    [
      /^PUT \/failed\/([0-9a-f]{32})\/body$/,
      ({ id, body: { text } }, ifMatch) => {
        const letter = found(id)
        if (ifMatch !== `"${letter.revision}"`)
          throw new Refusal(412, 'changed_meanwhile', `it is "${letter.revision}" now`)
        Object.assign(letter, { text, revision: letter.revision + 1 })
        return shown(id)
      },
    ],
    [/^GET \/failed\/([0-9a-f]{32})$/, ({ id }) => shown(id)],
    [
      /^POST \/failed\/([0-9a-f]{32})\/look$/,
      ({ id, body: by }) => {
        const { text, messageId } = found(id)
        recorded('look', by, { failure: id, message: messageId })
        return { body: { text }, kept: { text }, original: null }
      },
    ],
    [
      /^POST \/audit\/events\/(\d+)\/look$/,
      ({ id, body: by }) => {
        const event = stuckWhole().find(({ sequence }) => sequence === Number(id))
        recorded('look', by, { event: event?.id, sequence: Number(id) })
        return event
      },
    ],
    [/^GET \/operations\/operator$/, () => ({ operator })],
    [/^POST \/failed\/([0-9a-f]{32})\/rehearsal$/, ({ id }) => rehearsalOf(found(id))],
    [/^GET \/operations\/services$/, () => ({ services })],
    [/^GET \/operations\/queues$/, () => queues],
    [/^GET \/operations\/services\/notification-service\/retries$/, () => ({ retries: mails, next: null })],
    [
      /^POST \/operations\/services\/notification-service\/retries\/([0-9a-f]{32})\/(?:hasten|give-up)$/,
      ({ id, body: by }) => {
        recorded('hasten', by, { retry: id })
        return mails.splice(
          mails.findIndex((mail) => mail.id === id),
          1,
        )[0]
      },
    ],
    [/^GET \/actions$/, () => ({ actions, next: null })],
  ]

  const server = createServer(async (request, reply) => {
    const url = new URL(request.url ?? '/', 'http://fake')
    const file = files.get(url.pathname)
    if (file) {
      reply.writeHead(200, { ...CONSOLE_HEADERS, 'content-type': file.contentType }).end(file.content)
      return
    }
    const [status, answer] = await answerTo(request, url).then(
      (given) => [200, given],
      (fault: unknown) =>
        fault instanceof Refusal
          ? [fault.status, { code: fault.code, detail: fault.message }]
          : [500, { code: 'broken' }],
    )
    reply.writeHead(Number(status), { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })

  async function answerTo(request: IncomingMessage, url: URL): Promise<unknown> {
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      throw new Refusal(401, 'unauthorized', 'no token')
    const chunks = await request.toArray()
    const asked = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'))
    for (const [pattern, answer] of answers) {
      const match = pattern.exec(`${request.method} ${url.pathname}`)
      if (match)
        return answer({ query: url.searchParams, id: match[1], body: asked }, request.headers['if-match'] ?? '')
    }
    throw new Refusal(404, 'no_such_route', `${url.pathname} does not exist`)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    letters,
    services,
    queues,
    /** The only one that is overdue. */
    hop: ownHop,
    /** What the newest resend has come to. */
    progress: (changed: Record<string, unknown>) => Object.assign(resends.at(-1) ?? {}, changed),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What payment gave up would fail again; what became of a mail, only its provider knows. */
function rehearsalOf({ service, code, reason, text }: { service: string; code: string; reason: string; text: string }) {
  const nothing = { says: [], changes: [], open: null, error: null, service }
  if (service === 'payment-service') {
    const error = {
      code,
      message: reason,
      stack: 'TypeError: of undefined\n    at amountOf (payment-service/domain.js:41:22)',
    }
    return { ...nothing, outcome: 'fails', error, sentence: `It would fail again, with ${code}: ${reason}` }
  }
  if (text === 'no JSON at all')
    return {
      ...nothing,
      outcome: 'not_answering',
      sentence: 'order-service does not answer: start it, then rehearse again.',
    }
  const { data } = JSON.parse(masked(body('77')).text)
  const said = { id: '77/inventory.reserved', type: 'inventory.reserved', subject: '77', data, isTask: false }
  return {
    ...nothing,
    outcome: 'decided',
    says: [said],
    sentence: 'It would publish 77/inventory.reserved, and change nothing.',
  }
}

const masked = (text: string) => maskedBytes(registry, Buffer.from(text))

function fits(letter: object, name: string, value: string): boolean {
  if (name === 'state' && value === 'any') return true
  if (name === 'text') return JSON.stringify(letter).toLowerCase().includes(value.toLowerCase())
  return (letter as Record<string, unknown>)[name] === value
}

class Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}
