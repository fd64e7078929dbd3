// The state of one service, from its answer and the reports of its copies. Pure.
import type { ServiceState } from '@orders/shared/messaging'
import type { Copy } from './store.ts'

/** A copy without a report for this long is gone: it would have reported three times. */
const GONE_AFTER_MS = 35_000
const STOPPING = 'stopping'

/** The answer of the service, or why there is none. */
export type Answer = { state: ServiceState } | { error: Error }

export interface Looked {
  service: string
  status: 'ready' | 'not_ready' | 'not_answering'
  /** When the oldest copy started. If the service does not answer: when its last report came. */
  since: string | null
  /** Why it is not ready or does not answer, without repeats. */
  why: string[]
  nextStep: string | null
  copies: { copy: string; version: string; startedAt: string; seenAt: string; faults: string[] }[]
  outboxRows: number | null
  retries: ServiceState['retries']
  openBreakers: string[]
}

export function lookedAt(service: string, answer: Answer, reported: readonly Copy[], now: string): Looked {
  const own = reported.filter((one) => one.service === service)
  const seenAfter = new Date(Date.parse(now) - GONE_AFTER_MS).toISOString()
  const others = own.filter(({ seenAt, state }) => seenAt > seenAfter && !state.faults.includes(STOPPING))
  const answered =
    'state' in answer ? { copy: answer.state.copy, service, seenAt: now, state: answer.state } : undefined
  const living = answered ? [...others.filter(({ copy }) => copy !== answered.copy), answered] : others
  const states = living.map(({ state }) => state)
  // All copies share one database, so the latest report about waiting messages counts.
  const newest = answered ?? living.toSorted((one, other) => (one.seenAt < other.seenAt ? -1 : 1)).at(-1)
  const faults = unique(states.flatMap((state) => state.faults))
  const status = answered ? (faults.length === 0 ? 'ready' : 'not_ready') : 'not_answering'
  const openBreakers = unique(states.flatMap((state) => state.openBreakers))
  return {
    service,
    status,
    since: answered ? first(states.map(({ startedAt }) => startedAt)) : last(own.map(({ seenAt }) => seenAt)),
    why: 'error' in answer ? unique([answer.error.message, ...faults]) : faults,
    nextStep: nextStepFor({ service, status, faults, openBreakers }),
    copies: living.map(({ copy, seenAt, state: { version, startedAt, faults: own } }) => ({
      ...{ copy, version, startedAt, seenAt },
      faults: own,
    })),
    outboxRows: newest?.state.outboxRows ?? null,
    retries: newest?.state.retries ?? [],
    openBreakers,
  }
}

/** The next step of an operator, in a sentence. */
function nextStepFor({
  service,
  status,
  faults,
  openBreakers,
}: Pick<Looked, 'service' | 'status' | 'openBreakers'> & { faults: string[] }): string | null {
  if (status === 'not_answering')
    return `Start ${service}; if it runs, look at its log. Nothing is lost: its messages wait in its queue.`
  const [fault] = faults
  if (fault?.startsWith('broker: policy') || fault?.startsWith('broker: operator policy'))
    return 'Remove that policy from this queue: rabbitmqctl list_policies shows it.'
  if (fault?.includes('is refused'))
    return 'Look at that queue in RabbitMQ: it is full, missing or limited by a policy.'
  if (fault?.startsWith('broker:'))
    return `Look at RabbitMQ: ${service} continues by itself when it can reach the broker.`
  if (fault?.startsWith('database_behind:'))
    return `Stop ${service}, run npm run heal -- --service ${service.replace('-service', '')}, and start it again.`
  if (fault?.startsWith('a key was wrapped'))
    return `Start ${service} with the MASTER_KEY of the other services, and with the other key as MASTER_KEY_PREVIOUS.`
  if (fault?.startsWith('database:'))
    return `Look at the database of ${service}: the service continues by itself when it can write.`
  if (fault === STOPPING) return 'The service is stopping: start it again when it has stopped.'
  if (fault !== undefined) return `Look at the log of ${service}.`
  if (openBreakers.length > 0)
    return `Ask the operator of ${openBreakers.join(' and ')}. The service calls it again by itself when it works.`
  return null
}

const unique = (texts: readonly string[]) => [...new Set(texts)]
const first = (instants: readonly string[]) => instants.toSorted()[0] ?? null
const last = (instants: readonly string[]) => instants.toSorted().at(-1) ?? null
