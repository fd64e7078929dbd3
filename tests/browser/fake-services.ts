// The services as audit-service tells of them: all ready, until a test makes them otherwise; and what waits in one of them.

const BEGUN = '2026-11-02T03:12:00.000Z'

export interface FakeService {
  service: string
  status: 'ready' | 'not_ready' | 'not_answering'
  since: string | null
  why: string[]
  nextStep: string | null
  copies: object[]
  outboxRows: number
  retries: { type: string; count: number; oldest: string; unknown?: number; why?: string }[]
  openBreakers: string[]
}

export const readyServices = (names: readonly string[]): FakeService[] =>
  names.map((service) => ({
    service,
    status: 'ready',
    since: BEGUN,
    why: [],
    nextStep: null,
    copies: [{ copy: 'host/1', version: '0.1.0', startedAt: BEGUN, seenAt: BEGUN, faults: [] }],
    outboxRows: 0,
    retries: [],
    openBreakers: [],
  }))

/** A night on which payment is away, shipping cannot write, and a provider does not serve. */
export function troubled(services: FakeService[]): void {
  const change = (name: string, changes: Partial<FakeService>) => {
    const found = services.find(({ service }) => service === name)
    if (found) Object.assign(found, changes)
  }
  change('payment-service', {
    status: 'not_answering',
    why: ['no answer to operations.state within 2000 ms'],
    nextStep: 'Start payment-service; if it runs, look at its log. Nothing is lost: its messages wait in its queue.',
    copies: [],
  })
  change('shipping-service', {
    status: 'not_ready',
    why: ['database: database or disk is full'],
    nextStep: 'Look at the database of shipping-service: the service continues by itself when it can write.',
  })
  change('notification-service', {
    openBreakers: ['email'],
    nextStep: 'Ask the operator of email. The service calls it again by itself when it works.',
    retries: [{ type: 'notification.requested', count: 2, oldest: BEGUN, why: '451 the mail server is being mended' }],
  })
}

export interface FakeQueues {
  why: string | null
  at: string | null
  queues: ReturnType<typeof emptyQueue>[]
}

const emptyQueue = (queue: string) => ({
  queue,
  service: `${queue.slice(0, queue.indexOf('.'))}-service`,
  messages: 0,
  unacknowledged: 0,
  consumers: 1,
  inPerSecond: 0,
  outPerSecond: 0,
  oldestSeconds: null as number | null,
  oldestBy: null as 'said' | 'watched' | null,
  backsUp: null as 'no_consumer' | 'too_slow' | null,
  nextStep: null as string | null,
})

/** Nothing waits in any of them. */
export const readyQueues = (names: readonly string[]): FakeQueues => ({
  why: null,
  at: BEGUN,
  queues: names.map(emptyQueue),
})

/** Inventory consumes fewer messages than arrive. */
export function backlogIn({ queues }: FakeQueues): void {
  const found = queues.find(({ queue }) => queue === 'inventory.queue')
  if (!found) throw new Error('there is no inventory.queue')
  Object.assign(found, {
    ...{ messages: 1_250, unacknowledged: 64, inPerSecond: 42, outPerSecond: 3.25 },
    ...{ oldestSeconds: 190, oldestBy: 'watched', backsUp: 'too_slow' },
    nextStep: 'inventory-service consumes fewer messages than arrive: look at its log.',
  })
}

export interface FakeRetry {
  id: string
  [field: string]: unknown
}

export const waitingMails = (): FakeRetry[] =>
  [1, 2].map((number) => ({
    id: String(number).padStart(32, '0'),
    queue: 'notification.email.queue',
    type: 'notification.requested',
    subject: `order-${number}`,
    attempts: 3,
    dueAt: '2026-11-02T04:00:00.000Z',
    endsAt: '2026-11-02T09:12:00.000Z',
    waitsFor: null,
    code: 'smtp_unavailable',
    why: 'connect ECONNREFUSED',
    keptAt: BEGUN,
    history: [],
  }))
