// A run of notifications: thousands over all channels, while providers refuse, accept and hang as the seed has it and the
// service and the broker are killed; then all is healed, drained, the dead letters sent again, and judged.
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { OrderPaid, registry } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type Fleet, startFleet } from '@orders/shared/testing'
import { connect } from 'amqplib'
import { prepareSystem, type ServiceName } from '../../support/system.ts'
import { createVhost, type Vhost } from '../../support/vhost.ts'
import { type Drained, depthsOf } from '../drain.ts'
import { sqliteRows } from '../oracle/rows.ts'
import { minutesOf } from '../progress-line.ts'
import { type Random, randomFrom, seedFor } from '../random.ts'
import { isPassed } from '../verdict.ts'
import { type BrokerNode, launching } from '../world.ts'
import {
  allAreSent,
  allArrived,
  arrivedOnce,
  type DeliveryRow,
  failuresAreKept,
  type Judged,
  type Wanted,
} from './judge.ts'
import { readDeadLetters, sendBack } from './letters.ts'
import { type Channel, type Providers, startProviders } from './providers.ts'

interface Options {
  seed: number
  notifications: number
  node: BrokerNode
  servicesDir: string
  signal: AbortSignal
  progress(state: Progress): void
  /** The folder for the log and data of a run of which not everything holds. */
  keepIn?: string
}

export interface Progress {
  elapsedMs: number
  phase: 'breaking' | 'draining' | 'sending the dead letters again'
  asked: number
  wanted: number
  taken: number
  kills: number
  left: string[]
}

export interface Result {
  summary: string[]
  judged: Judged[]
  drained: Drained
}

const CHANNELS = ['email', 'sms', 'push', 'webhook'] as const
const READY_WITHIN_MS = 120_000
/** Longer than a silent call, its claim, and the longest wait together. */
const STUCK_AFTER_MS = 180_000
const UNDER_FIRE = 0.5
const ASKED_AT_ONCE = 250
/** Calls under way at one time, of all channels. */
const UNDER_WAY_MAX = 32 + 16 + 64 + 64
const LOOK_EVERY_MS = 500

export function notificationLine({ elapsedMs, phase, asked, wanted, taken, kills, left }: Progress): string {
  const still = left.length > 0 ? `  left: ${left.join(', ')}` : ''
  return `${minutesOf(elapsedMs)} ${phase}  ${asked} of ${wanted} asked for, ${taken} taken  ${kills} kills${still}`
}

/** Closes all it opened. Interrupted, it gives undefined. */
export async function runNotifications(options: Options): Promise<Result | undefined> {
  const { node, seed, servicesDir, signal } = options
  const closers: (() => Promise<unknown>)[] = []
  try {
    const vhost = await createVhost(node.amqpUrl, node.managementUrl)
    closers.push(() => vhost.remove())
    const providers = await startProviders(seed)
    closers.push(providers.close)
    const environment = settingsFor(providers)
    const system = await prepareSystem({ amqpUrl: vhost.amqpUrl, servicesDir, preload: PRELOAD, environment })
    closers.push(system.stop)
    const fleet = await startFleet({
      ...launching(system),
      services: ['notification'],
      copies: 1,
      builtIn: () => servicesDir,
    })
    closers.push(fleet.stop)
    await fleet.allReady(READY_WITHIN_MS)
    const rows = sqliteRows(() => join(system.dataDir, 'notification-service.db'))
    const result = await breakAndJudge({ vhost, providers, fleet, rows }, options)
    if (signal.aborted) return undefined
    if (options.keepIn !== undefined && !isPassed(result)) {
      await fleet.stop()
      await system.keepIn(options.keepIn)
    }
    return result
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    for (const closer of closers.reverse()) await closer().catch(() => undefined)
  }
}

const PRELOAD = join(import.meta.dirname, '..', 'preload.mjs')

function settingsFor({ smtpUrl, httpUrl }: Providers): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const account = {
    project_id: 'chaos',
    client_email: 'push@chaos.example',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    token_uri: `${httpUrl}/token`,
  }
  return {
    LOG_LEVEL: 'error',
    SMTP_URL: smtpUrl,
    // One customer names all addresses.
    CONTACT_ADDRESSES_PER_HOUR: '0',
    CONTACT_ORDERS_PER_HOUR: '0',
    TWILIO_ACCOUNT_SID: 'AC0123456789',
    TWILIO_AUTH_TOKEN: 'token',
    TWILIO_FROM: '+15005550006',
    TWILIO_BASE_URL: httpUrl,
    FCM_SERVICE_ACCOUNT: JSON.stringify(account),
    FCM_BASE_URL: httpUrl,
    WEBHOOK_SECRET: 'a-secret-of-twenty-four-characters',
    WEBHOOK_ALLOW_PRIVATE: 'true',
  }
}

interface Surroundings {
  vhost: Vhost
  providers: Providers
  fleet: Fleet<ServiceName>
  rows: ReturnType<typeof sqliteRows>
}

async function breakAndJudge(surroundings: Surroundings, options: Options): Promise<Result> {
  const { vhost, providers, fleet, rows } = surroundings
  const { seed, notifications, node, signal, progress } = options
  const wanted = Array.from({ length: notifications }, (_, number) => wantedOf(number, providers.httpUrl))
  const random = randomFrom(seedFor(seed, 'kills'))
  const startedAt = performance.now()
  let phase: Progress['phase'] = 'breaking'
  let asked = 0
  const kills = new Map<Way, number>(WAYS.map((way) => [way, 0]))
  let left: string[] = []
  const tell = setInterval(() => {
    const elapsedMs = performance.now() - startedAt
    progress({
      elapsedMs,
      phase,
      asked: Math.min(asked, wanted.length),
      wanted: wanted.length,
      taken: providers.taken.size,
      kills: [...kills.values()].reduce((sum, count) => sum + count, 0),
      left,
    })
  }, LOOK_EVERY_MS)
  const drainAll = () => drain(vhost, rows, signal, (now) => (left = now))
  const deliveries = () =>
    rows<DeliveryRow>('notification-service', 'select notification_id, channel, status, error from deliveries')

  try {
    const over = new AbortController()
    const breaking = breakOften({
      fleet,
      node,
      random,
      until: over.signal,
      told: (way) => kills.set(way, (kills.get(way) ?? 0) + 1),
    })
    for (; asked < wanted.length && !signal.aborted; asked += ASKED_AT_ONCE)
      await askFor(vhost.amqpUrl, wanted.slice(asked, asked + ASKED_AT_ONCE), signal)
    // Under fire until half of it has been taken and everything has been killed; what that leaves behind is drained in peace.
    const isUnderFire = () => providers.taken.size < wanted.length * UNDER_FIRE || [...kills.values()].includes(0)
    while (isUnderFire() && !signal.aborted) await delay(LOOK_EVERY_MS)
    over.abort()
    await breaking
    phase = 'draining'
    providers.heal()
    await fleet.allReady(READY_WITHIN_MS)
    const drained = await drainAll()
    signal.throwIfAborted()
    const kept = failuresAreKept(await deliveries(), await readDeadLetters(vhost))
    phase = 'sending the dead letters again'
    const again = await sendBack(vhost)
    const drainedAgain = await drainAll()
    const deaths = fleet.exits.map(({ atMs }) => atMs)
    return {
      summary: summaryOf(providers, fleet, kills, again.length),
      judged: [
        kept,
        allAreSent(wanted, await deliveries(), await readDeadLetters(vhost)),
        allArrived(wanted, providers.taken),
        arrivedOnce(providers.taken, { atMs: deaths, underWayMax: UNDER_WAY_MAX }),
      ],
      drained: { ...drainedAgain, inTime: drained.inTime && drainedAgain.inTime, sentAgain: again },
    }
  } finally {
    clearInterval(tell)
  }
}

interface WantedAndTold extends Wanted {
  orderId: string
  contact: Record<string, string>
}

/** One channel each, in turn; everybody has an address of their own. */
function wantedOf(number: number, httpUrl: string): WantedAndTold {
  const channel = CHANNELS[number % CHANNELS.length] ?? 'email'
  const orderId = `n-${number}`
  const phone = `+4917${String(number).padStart(8, '0')}`
  const email = `${orderId}@example.com`
  const ways: Record<Channel, { recipient: string; contact: Record<string, string> }> = {
    email: { recipient: email, contact: { email } },
    sms: { recipient: phone, contact: { phone } },
    push: { recipient: `device-${number}`, contact: { push: `device-${number}` } },
    webhook: { recipient: orderId, contact: { webhook: `${httpUrl}/hook?to=${orderId}` } },
  }
  return { id: `${orderId}.order.paid`, orderId, channel, ...ways[channel] }
}

/** As order-service says it, until the broker has confirmed it; what is said twice is the same message. */
async function askFor(amqpUrl: string, wanted: WantedAndTold[], signal: AbortSignal): Promise<void> {
  const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }]
  const publish = async () => {
    const connection = await connect(amqpUrl, { timeout: 3_000 })
    // A broker that dies says so by the confirms that never come.
    connection.on('error', () => undefined)
    const lost = new Promise<never>((_, reject) => connection.once('close', () => reject(new Error('connection lost'))))
    lost.catch(() => undefined)
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => undefined)
    for (const { orderId, contact } of wanted) {
      const told = { user: 'chaos', priority: 'standard' as const, contact, lines, totalCents: 1_000 }
      const message = OrderPaid.of(orderId, new Date().toISOString(), told)
      const { exchange, routingKey, body, properties } = encode(registry, message, 'chaos', {})
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true })
    }
    await Promise.race([channel.waitForConfirms(), lost])
    await Promise.race([connection.close().catch(() => undefined), delay(LOOK_EVERY_MS)])
  }
  while (!signal.aborted) {
    const isSaid = await publish().then(
      () => true,
      () => false,
    )
    if (isSaid) return
    await delay(LOOK_EVERY_MS)
  }
}

interface Breaking {
  fleet: Fleet<ServiceName>
  node: BrokerNode
  random: Random
  until: AbortSignal
  told(way: Way): void
}

const WAYS = ['the broker', 'the service anywhere', 'the service at an instant'] as const
type Way = (typeof WAYS)[number]
const AT_INSTANTS = ['asked', 'before-commit', 'after-commit', 'before-ack'] as const
const INSTANT_WITHIN_MS = 5_000

/** One after the other, and each as often as the others. */
async function breakOften({ fleet, node, random, until, told }: Breaking): Promise<void> {
  const [member] = fleet.members
  let ways: Way[] = []
  while (!until.aborted && member) {
    await delay(random.between(1_000, 6_000), undefined, { signal: until }).catch(() => undefined)
    if (until.aborted) return
    if (ways.length === 0) ways = random.shuffle(WAYS)
    const way = ways.pop() ?? WAYS[0]
    if (way === 'the broker') {
      await node.kill()
      await node.restart()
    } else if (way === 'the service anywhere') await fleet.kill(member, random.between(0, 1_000))
    else await fleet.killAt([member], `${random.pick(AT_INSTANTS)}:${random.between(1, 20)}`, INSTANT_WITHIN_MS)
    told(way)
    await fleet.allReady(READY_WITHIN_MS).catch(() => undefined)
  }
}

/** Resolves when two looks in a row found nothing left, or when nothing has become less for long. */
async function drain(
  vhost: Vhost,
  rows: Surroundings['rows'],
  signal: AbortSignal,
  tell: (left: string[]) => void,
): Promise<Drained> {
  let deadline = performance.now() + STUCK_AFTER_MS
  let least = Number.POSITIVE_INFINITY
  for (let quiet = 0; ; await delay(LOOK_EVERY_MS)) {
    const holding = (await depthsOf(vhost)).filter(({ name, messages }) => OURS.test(name) && messages > 0)
    const [outbox] = await rows<{ count: number }>('notification-service', 'select count(*) as count from outbox')
    const unsent = Number(outbox?.count)
    const [kept] = await rows<{ count: number }>('notification-service', 'select count(*) as count from retries')
    const waiting = Number(kept?.count)
    const total = holding.reduce((sum, { messages }) => sum + messages, unsent + waiting)
    if (total < least) deadline = performance.now() + STUCK_AFTER_MS
    least = Math.min(least, total)
    const left = [
      ...holding.map(({ name, messages }) => `${name} ${messages}`),
      ...(unsent > 0 ? [`outbox ${unsent}`] : []),
      ...(waiting > 0 ? [`retries ${waiting}`] : []),
    ]
    tell(left)
    quiet = total === 0 ? quiet + 1 : 0
    // The numbers of what is under way are some seconds old.
    if (quiet * LOOK_EVERY_MS > UNDER_WAY_TOLD_MS) return { inTime: true, sentAgain: [], left }
    if (performance.now() > deadline || signal.aborted) return { inTime: false, sentAgain: [], left }
  }
}

const UNDER_WAY_TOLD_MS = 6_000
/** The other services do not run, and their queues fill. */
const OURS = /^notification\.(queue|(email|sms|push|webhook)\.queue)$/

function summaryOf(
  { moods }: Providers,
  { exits }: Fleet<ServiceName>,
  kills: ReadonlyMap<Way, number>,
  letters: number,
): string[] {
  const felt = [...moods].sort(([one], [other]) => (one < other ? -1 : 1)).map(([what, count]) => `  ${what}: ${count}`)
  const killed = [...kills].map(([way, times]) => `${way} ${times}`).join(', ')
  return [
    `Killed: ${killed}; the service ended ${exits.length} times. ${letters} dead letters sent again. What the providers did:`,
    ...felt,
  ]
}
