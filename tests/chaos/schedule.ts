// The plan of faults, as data: what is broken when, for how long, and where. It follows from the seed alone.
import { type ServiceName, serviceNames } from '../support/system.ts'
import { type Random, randomFrom, seedFor } from './random.ts'

/** The kernel's instants at which a running process is killed; `relay`, `migration` and `replay` have faults of their own. */
export const killInstants = ['asked', 'before-commit', 'after-commit', 'confirmed', 'before-ack'] as const
export type KillInstant = (typeof killInstants)[number]

export const mailMoods = ['defer', 'refuse', 'hang', 'drop', 'slow'] as const
export type MailMood = (typeof mailMoods)[number]

interface OnProcess {
  service: ServiceName
  copy: number
}

/**
 * Queues that may be full, and who reads them. Not `payment.queue` and `shipping.queue`, which timers return to: RabbitMQ 3.10's
 * own publisher of dead letters, once refused, never hears when the limit is taken away, and keeps the timers. Nor
 * `audit.queue`: every route ends there.
 */
export const refusable = {
  'order.queue': 'order',
  'inventory.queue': 'inventory',
  'notification.queue': 'notification',
} as const satisfies Record<string, ServiceName>
export type RefusableQueue = keyof typeof refusable
const full = Object.keys(refusable) as [RefusableQueue, ...RefusableQueue[]]

export const timerQueues = ['payment.deadline.queue', 'shipping.transit.queue'] as const
export type TimerQueue = (typeof timerQueues)[number]

const rpcQueues = ['payment.rpc.queue', 'inventory.rpc.queue']

/**
 * Of the queues of questions nothing is kept: whoever asks asks again. `payment.queue` and `shipping.queue` are not among them for
 * the same reason as above: of timers that were on their way to a queue that went, some stay where they are.
 */
export const deletableQueues = [
  ...['order.queue', 'inventory.queue', 'notification.queue', 'audit.queue'],
  ...['notification.email.queue', 'notification.sms.queue', ...rpcQueues, ...timerQueues],
] as [string, ...string[]]

export type Fault =
  | ({ kind: 'kill' } & OnProcess)
  | ({ kind: 'instant'; instant: KillInstant; times: number } & OnProcess)
  | ({ kind: 'relay' } & OnProcess)
  | ({ kind: 'migration'; statement: number } & OnProcess)
  | { kind: 'all' }
  | ({ kind: 'stop' } & OnProcess)
  | ({ kind: 'clock'; shiftMs: number } & OnProcess)
  | { kind: 'broker'; how: 'stop' | 'kill' }
  | { kind: 'alarm' }
  | { kind: 'cut'; service: ServiceName }
  | { kind: 'freeze'; service: ServiceName }
  | { kind: 'gateway' }
  | { kind: 'mail'; mood: MailMood }
  | { kind: 'disk'; service: ServiceName }
  | { kind: 'replay' }
  | { kind: 'database'; how: 'stop' | 'kill' }
  | { kind: 'sessions'; service: ServiceName }
  | { kind: 'refuse'; queue: RefusableQueue; how: 'freeze' | 'kill' }
  | { kind: 'odd'; seed: number }
  | { kind: 'bug'; service: ServiceName; where: 'ask' | 'decide' }
  | { kind: 'missing'; queue: string }
  | { kind: 'silence'; service: ServiceName; how: 'hold' | 'swallow' }
  | { kind: 'early'; queue: TimerQueue; ttlMs: number }
  | ({ kind: 'versions' } & OnProcess)
export type FaultKind = Fault['kind']

export const faultKinds = [
  'kill',
  'instant',
  'relay',
  'migration',
  'all',
  'stop',
  'clock',
  'broker',
  'alarm',
  'cut',
  'freeze',
  'gateway',
  'mail',
  'disk',
  'replay',
  'database',
  'sessions',
  'refuse',
  'early',
  'odd',
  'missing',
  'bug',
  'silence',
  'versions',
] as const satisfies FaultKind[]

export const databases = ['sqlite', 'postgres'] as const
export type DatabaseKind = (typeof databases)[number]

const ONLY_ON: Partial<Record<FaultKind, DatabaseKind>> = {
  disk: 'sqlite',
  database: 'postgres',
  sessions: 'postgres',
  silence: 'postgres',
}

/** A file can meet a full disk, a server can go away: each database has faults of its own. */
export function faultKindsOf(database: DatabaseKind): FaultKind[] {
  return faultKinds.filter((kind) => (ONLY_ON[kind] ?? database) === database)
}

export type Planned<F extends Fault = Fault> = F & {
  atMs: number
  forMs: number
}

export interface PlanOptions {
  seed: number
  minutes: number
  faults: readonly FaultKind[]
  copies: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const FIRST_MS = 3 * SECOND
/** Every kind comes once in the first minute; from then on there is time to recover now and then. */
const PACE = { least: 1_200, most: 5_000 }

/**
 * Deals the faults from a shuffled deck that holds every kind, again and again, so that a short run has all kinds and a
 * long one every combination. Faults overlap; of those that touch the same thing the later one waits.
 */
export function planFaults({ seed, minutes, faults, copies }: PlanOptions): Planned[] {
  const random = randomFrom(seedFor(seed, 'faults'))
  const endMs = minutes * MINUTE
  const plan: Planned[] = []
  if (faults.includes('migration')) plan.push({ ...migration(random), atMs: 0, forMs: 0 })
  // All the time, beside everything else.
  if (faults.includes('odd'))
    plan.push({ kind: 'odd', seed: seedFor(seed, 'odd'), atMs: FIRST_MS, forMs: Math.max(0, endMs - FIRST_MS) })
  if (faults.includes('versions')) plan.push(...startsReleased({ seed, copies }, endMs))
  const kinds = faults.filter((kind): kind is Dealt => kind !== 'migration' && kind !== 'odd')
  if (kinds.length === 0) return plan
  const deckSize = deckOf(random, kinds, copies).length
  const pace = Math.min(PACE.most, Math.max(PACE.least, (endMs - FIRST_MS) / (deckSize + 1)))
  let deck: Fault[] = []
  for (let atMs = FIRST_MS; atMs < endMs; atMs += Math.round(pace * (0.4 + 1.2 * random.next()))) {
    if (deck.length === 0) deck = random.shuffle(deckOf(random, kinds, copies))
    const fault = deck.pop()
    if (fault) plan.push({ ...fault, atMs, forMs: durationOf(random, fault) })
  }
  return plan
}

/** Those of which a run has one at most are in no deck. */
type Dealt = Exclude<FaultKind, 'migration' | 'odd'>

/** The kinds that hurt most are in it more than once. */
function deckOf(random: Random, kinds: readonly Dealt[], copies: number): Fault[] {
  const service = (): ServiceName => random.pick(serviceNames)
  const member = (): OnProcess => ({ service: service(), copy: random.between(1, copies) })
  const cards: Record<Dealt, () => Fault[]> = {
    kill: () => [1, 2, 3].map(() => ({ kind: 'kill', ...member() })),
    instant: () => killInstants.map((instant) => killAt(random, instant, copies)),
    relay: () => [
      { kind: 'relay', service: random.pick(['order', 'order', 'inventory']), copy: random.between(1, copies) },
    ],
    all: () => [{ kind: 'all' }],
    stop: () => [{ kind: 'stop', ...member() }],
    clock: () => [1, 2].map(() => ({ kind: 'clock', ...member(), shiftMs: shift(random) })),
    broker: () => [
      { kind: 'broker', how: 'kill' },
      { kind: 'broker', how: 'stop' },
    ],
    alarm: () => [{ kind: 'alarm' }],
    cut: () => [1, 2].map(() => ({ kind: 'cut', service: service() })),
    freeze: () => [{ kind: 'freeze', service: service() }],
    gateway: () => [{ kind: 'gateway' }],
    mail: () => mailMoods.map((mood) => ({ kind: 'mail', mood })),
    disk: () => [{ kind: 'disk', service: service() }],
    replay: () => [{ kind: 'replay' }],
    database: () => [
      { kind: 'database', how: 'kill' },
      { kind: 'database', how: 'stop' },
    ],
    sessions: () => [1, 2, 3].map(() => ({ kind: 'sessions', service: service() })),
    refuse: () => (['freeze', 'kill'] as const).map((how) => ({ kind: 'refuse', queue: random.pick(full), how })),
    early: () => timerQueues.map((queue) => ({ kind: 'early', queue, ttlMs: random.between(0, 100) })),
    missing: () => [1, 2].map(() => ({ kind: 'missing', queue: random.pick(deletableQueues) })),
    bug: () => [
      { kind: 'bug', service: random.pick(['payment', 'shipping']), where: 'ask' },
      { kind: 'bug', service: random.pick(['inventory', 'payment', 'shipping']), where: 'decide' },
    ],
    silence: () => (['hold', 'swallow'] as const).map((how) => ({ kind: 'silence', service: service(), how })),
    versions: () => [{ kind: 'versions', ...member() }],
  }
  return kinds.flatMap((kind) => cards[kind]())
}

/** Only payment, shipping and notification ask the outside world; audit says nothing that could be confirmed. */
export const placesOf: Record<KillInstant, [ServiceName, ...ServiceName[]]> = {
  asked: ['payment', 'shipping', 'notification'],
  'before-commit': [...serviceNames],
  'after-commit': [...serviceNames],
  confirmed: ['order', 'inventory', 'payment', 'shipping', 'notification'],
  'before-ack': [...serviceNames],
}

function killAt(random: Random, instant: KillInstant, copies: number): Fault {
  const service = random.pick(placesOf[instant])
  return { kind: 'instant', instant, times: random.between(1, 20), service, copy: random.between(1, copies) }
}

/** In the first start on an empty data folder, after one of the statements that every service has. */
function migration(random: Random): Extract<Fault, { kind: 'migration' }> {
  return { kind: 'migration', service: random.pick(serviceNames), copy: 1, statement: random.between(1, 2) }
}

/** About half of the processes run as the last release from the beginning, and are upgraded one after the other. */
function startsReleased({ seed, copies }: Pick<PlanOptions, 'seed' | 'copies'>, endMs: number): Planned[] {
  const random = randomFrom(seedFor(seed, 'versions'))
  const members = serviceNames.flatMap((service) =>
    Array.from({ length: copies }, (_, index): OnProcess => ({ service, copy: index + 1 })),
  )
  const released = random.shuffle(members).slice(0, members.length / 2)
  return released.map((member) => ({
    kind: 'versions',
    ...member,
    atMs: 0,
    forMs: random.between(FIRST_MS, endMs / 2),
  }))
}

/** Minutes to hours, forwards and backwards. */
function shift(random: Random): number {
  const size = random.chance(0.5) ? random.between(2, 59) * MINUTE : random.between(1, 12) * HOUR
  return random.chance(0.5) ? size : -size
}

function durationOf(random: Random, fault: Fault): number {
  const [least, most] = DURATIONS_MS[fault.kind]
  return random.between(least, most)
}

const DURATIONS_MS: Record<FaultKind, [number, number]> = {
  kill: [0, 2_500],
  /** How long the instant is waited for. */
  instant: [10_000, 10_000],
  relay: [400, 1_500],
  migration: [0, 0],
  all: [0, 1_000],
  /** Longer than the heartbeat, which the broker gives up on after twice its time. */
  stop: [7_000, 11_000],
  clock: [3_000, 12_000],
  broker: [200, 4_000],
  alarm: [1_000, 5_000],
  cut: [0, 0],
  freeze: [2_000, 9_000],
  gateway: [1_000, 7_000],
  mail: [1_500, 4_500],
  disk: [2_000, 7_000],
  replay: [0, 0],
  /** A process that starts meanwhile waits half a minute for its server. */
  database: [300, 5_000],
  /** Thrown out again and again. */
  sessions: [500, 3_000],
  /** For the first refusal to be met, and for others to go on after it. */
  refuse: [7_000, 11_000],
  odd: [0, 0],
  missing: [0, 0],
  /** Of the longer ones some messages run out of patience. */
  bug: [3_000, 12_000],
  silence: [5_000, 20_000],
  early: [3_000, 8_000],
  versions: [4_000, 15_000],
}
