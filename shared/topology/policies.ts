// Detects broker policies that change our queues. A policy does so without changing the queue's arguments: messages then expire
// early or are lost, and everything looks well. So the broker's view of our queues is read back at each connect and every
// minute, and differences are reported.
//
// The effective policy is among the broker's statistics. If statistics are off, as RabbitMQ 4 advises, the answer lacks it and
// would look like a broker without policies. So the broker is asked about that too.
//
// Promise: a policy never makes the service refuse work. If the management API cannot be asked, nothing is reported, and it is
// asked again.
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import { type Management, queuesAt, whyUnasked } from './management.ts'
import type { Queue, Topology } from './queues.ts'

const COLUMNS = ['name', 'policy', 'operator_policy', 'effective_policy_definition']

/**
 * The queues that a service checks: those it consumes, their dead letters and timers, and queues that no service consumes
 * (`unrouted.queue`), which every service checks.
 */
export function answeredFor({ exchanges, queues, bindings }: Topology, consumed: readonly string[]): Queue[] {
  const alternates = new Set(exchanges.flatMap(({ alternate }) => alternate ?? []))
  const isOf = (queue: Queue) => {
    const feeding = bindings.filter(({ destination }) => destination === queue.name)
    const { 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': home } = queue.arguments
    return (
      consumed.includes(queue.name) ||
      (exchange === '' && consumed.includes(String(home))) ||
      // A dead-letter queue is bound with the name of the queue whose dead letters it takes.
      feeding.some(({ pattern, source }) => consumed.includes(pattern) || alternates.has(source))
    )
  }
  return queues.filter(isOf)
}

export interface PolicyChange {
  queue: string
  /** `policy all`, `operator policy limits`. */
  policy: string
  key: string
  value: unknown
  cost: string
  todo: string
  /** All fields except `todo`, in one sentence for people. */
  text: string
}

const Described = Type.Array(
  Type.Object({
    name: Type.String(),
    policy: Type.Optional(Type.Unknown()),
    operator_policy: Type.Optional(Type.Unknown()),
    effective_policy_definition: Type.Optional(Type.Unknown()),
  }),
)
const described = Compile(Described)

/**
 * The differences between the effective policies and what we rely on. A queue's argument wins over a policy; of two numbers the
 * lower one wins (RabbitMQ guide "Policies").
 */
export function policyChanges(queues: readonly Queue[], answer: unknown, vhost: string): PolicyChange[] {
  if (!described.Check(answer)) throw new Error('the answer is not a list of queues')
  const byName = new Map(queues.map((queue) => [queue.name, queue]))
  return answer.flatMap(({ name, policy, operator_policy: operator, effective_policy_definition: definition }) => {
    const queue = byName.get(name)
    if (!queue) return []
    const given = [...named('policy', policy), ...named('operator policy', operator)]
    const words = given.map(({ kind, name }) => `${kind} ${name}`).join(' or ')
    const clear = given.map(({ kind, name }) => `rabbitmqctl clear_${kind.replace(' ', '_')} -p ${vhost} ${name}`)
    const todo = `${clear.join(', or ')}, or change its pattern so that it does not match this queue`
    return costs(queue, isRecord(definition) ? definition : {}).map(({ key, value, cost }) => {
      const text = `${words} on ${name}: ${key} ${value}: ${cost}`
      return { queue: name, policy: words, key, value, cost, todo, text }
    })
  })
}

const named = (kind: string, name: unknown) => (typeof name === 'string' && name !== '' ? [{ kind, name }] : [])

const LENGTHS = ['max-length', 'max-length-bytes']

function costs({ arguments: own }: Queue, definition: Record<string, unknown>) {
  const home = own['x-dead-letter-exchange']
  const isLast = home === undefined
  const overflow = own['x-overflow'] ?? definition.overflow ?? 'drop-head'
  const isLimited = LENGTHS.some((key) => key in definition)
  const length =
    overflow === 'reject-publish'
      ? 'beyond it the broker refuses further messages for this queue'
      : `beyond it the oldest messages ${isLast ? 'are lost' : 'become dead letters'}`
  const waits = isLast ? 'a message that waits longer is lost' : 'a message that waits longer becomes a dead letter'
  const tried = isLast
    ? 'a message that was delivered so often is lost'
    : 'a message that was delivered so often becomes a dead letter'
  const another = 'messages that this queue drops go to another exchange'
  const all: Record<string, string | undefined> = {
    'message-ttl': home === '' ? 'a timer comes back early' : waits,
    expires: 'the queue is deleted with its messages if it is not used for so long',
    'max-length': length,
    'max-length-bytes': length,
    overflow:
      isLimited && overflow !== 'reject-publish'
        ? 'at the length limit messages are dropped instead of refused'
        : undefined,
    // Matters only where we set a limit. Other queues get nothing back: a timer has no consumer, and a classic queue has no
    // such limit.
    'delivery-limit': 'x-delivery-limit' in own ? tried : undefined,
    'dead-letter-exchange': another,
    'dead-letter-routing-key': another,
    'dead-letter-strategy': another,
  }
  return Object.entries(all).flatMap(([key, cost]) => {
    const value = definition[key]
    return cost !== undefined && value !== undefined && wins(value, own[`x-${key}`]) ? [{ key, value, cost }] : []
  })
}

/** A negative number means no limit (RabbitMQ 4). */
function wins(value: unknown, own: string | number | undefined): boolean {
  if (typeof value !== 'number') return own === undefined
  return value >= 0 && value < (typeof own === 'number' ? own : Number.POSITIVE_INFINITY)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Options {
  management: Management
  queues: readonly Queue[]
  log: Log
  everyMs?: number
  timeoutMs?: number
}

export type Policies = ReturnType<typeof watchPolicies>

const EVERY_MS = 60_000
const TIMEOUT_MS = 5_000

/** Asks at once and then every `everyMs` until it is closed. */
export function watchPolicies({ management, queues, log, everyMs = EVERY_MS, timeoutMs = TIMEOUT_MS }: Options) {
  const closing = new AbortController()
  let found: PolicyChange[] = []
  let told = new Set<string>()

  async function read(): Promise<PolicyChange[]> {
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)])
    return policyChanges(queues, await queuesAt(management, COLUMNS, signal), management.vhost)
  }

  function tell(changes: PolicyChange[]): void {
    for (const { text, ...change } of changes)
      if (!told.has(text)) log.warn(change, 'a policy of the broker changes a queue')
    if (changes.length === 0 && told.size > 0) log.info('no policy of the broker changes a queue any more')
    told = new Set(changes.map(({ text }) => text))
  }

  async function look(): Promise<void> {
    found = await read()
    tell(found)
  }

  const looks = lookEvery(everyMs, look, (error) => {
    found = []
    log.info({ host: management.host, why: whyUnasked(error) }, 'the policies of the broker cannot be read')
  })
  void looks.now()

  return {
    /** Asks now. Resolves when the answer is read. Never rejects. */
    look: looks.now,
    /** For people; empty if all is well or nothing could be read. */
    faults: () => found.map(({ text }) => `broker: ${text}`),
    close() {
      const closed = looks.close()
      closing.abort()
      return closed
    },
  }
}
