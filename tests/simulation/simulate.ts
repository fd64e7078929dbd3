// One run: a world, its load and its mischief; then calm, rest, and the checks.
import { verifyAll } from '../../audit-service/checking/store.ts'
import { rebuildOrders } from '../../order-service/store.ts'
import { check, checks } from './checks.ts'
import { behave, restock } from './customers.ts'
import { everythingKept, gather, hashOfTable } from './evidence.ts'
import { misbehave, repeatOld } from './mischief.ts'
import { watchDeadLetters } from './operator.ts'
import { type Plan, planOf, REFUSED_ADDRESS } from './orders.ts'
import { createRandom } from './random.ts'
import type { Counted } from './tally.ts'
import type { Check, Violation } from './verdict.ts'
import { createWorld, type Options, type World } from './world.ts'

export interface Report {
  options: Options
  /** How many orders ended in each way: completed, or the reason of the cancellation. */
  outcomes: Record<string, number>
  checks: Check[]
  violations: Violation[]
  counts: Record<Counted, number>
  virtualMs: number
  /** Over what was decided in the run and what came of it: the same hash, the same run. */
  hash: string
}

export interface Progress {
  placed: number
  virtualMs: number
  crashes: number
}

const GAP_MEAN_MS = 12
const MISCHIEF_PER_ORDER = 0.08
const RESTOCKS_PER_ORDER = 0.02
/** Things go on going wrong after the last order. */
const UNREST_MS = 20_000
/** Longer than any timer of the system: a deadline that did not come back is seen after 75 s, rows left behind after 70 s. */
const REST_MS = 90_000
/** Longer than the timers that an old message may set. */
const REPLAY_REST_MS = 70_000
const REPLAYED_AFTERWARDS = 40

/** Node's timers in this thread are the simulation's until it resolves. */
export async function simulate(
  options: Options,
  progress: (progress: Progress) => void = () => undefined,
): Promise<Report> {
  const world = createWorld(options)
  try {
    return await live(world, progress)
  } finally {
    world.time.release()
  }
}

async function live(world: World, progress: (progress: Progress) => void): Promise<Report> {
  const { options, time, faults, tally, witness } = world
  const letters = watchDeadLetters(world)
  const plans: Plan[] = []
  world.start()
  const loading = load(world, plans, () =>
    progress({ placed: plans.length, virtualMs: time.nowMs(), crashes: tally.counts.crashes }),
  )
  const done: Check[] = [await concluded(world, 'everybody is answered', loading)]
  faults.calm()
  const isQuiet = await rest(world, REST_MS)
  const evidence = await gather(world, plans, letters)
  done.push(witness.saidOnce(), witness.toldOnce())
  for (const [name, look] of Object.entries(checks)) done.push(await check(name, look, evidence))
  done.push(comesToRest(isQuiet))
  done.push(await concluded(world, 'the chain of the audit log holds', chainHolds(world)))
  done.push(await concluded(world, 'the orders rebuilt from their facts are the same', rebuildIsSame(world)))
  const kept = everythingKept(world)
  done.push(await oldMessagesChangeNothing(world, plans, kept))
  const outcomes: Record<string, number> = {}
  for (const { status, reason } of evidence.orders.values()) {
    const end = reason ?? status
    outcomes[end] = (outcomes[end] ?? 0) + 1
  }
  tally.note(JSON.stringify(kept), time.nowMs())
  tally.add('events', time.steps())
  return {
    options,
    outcomes,
    checks: done,
    violations: done.flatMap(({ violations }) => violations),
    counts: tally.counts,
    virtualMs: time.nowMs(),
    hash: tally.hash().toString(16).padStart(8, '0'),
  }
}

/** Everything that is wanted of the services; resolves when all of it is answered, with the number of orders. */
async function load(world: World, plans: Plan[], tell: () => void): Promise<number> {
  const { options, time } = world
  const random = createRandom(options.seed, 'load')
  const underWay: Promise<void>[] = [restock(world)]
  for (let number = 1; number <= options.orders; number++) {
    await time.pause(random.wait(GAP_MEAN_MS))
    const plan = planOf(number, random)
    plans.push(plan)
    underWay.push(behave(world, plan))
    if (random.chance(RESTOCKS_PER_ORDER)) underWay.push(restock(world))
    if (random.chance(MISCHIEF_PER_ORDER)) underWay.push(misbehave(world))
    tell()
  }
  for (const until = time.nowMs() + UNREST_MS; time.nowMs() < until; await time.pause(random.wait(UNREST_MS / 8)))
    underWay.push(misbehave(world))
  await Promise.all(underWay)
  return plans.length
}

/** Every timer of the system is shorter than this, so what has been silent for so long is silent for good. */
function rest({ time, tally: { counts } }: World, forMs: number): Promise<boolean> {
  return time.untilQuiet(forMs, () => counts.published + counts.deliveries)
}

function comesToRest(isQuiet: boolean): Check {
  const name = 'everything comes to rest'
  const violation = { check: name, subject: 'the world', what: 'messages go round for ever' }
  return { name, looked: 1, violations: isQuiet ? [] : [violation] }
}

/** A check that takes time: it says how many things it looked at, or throws what is wrong. */
async function concluded(world: World, name: string, checking: Promise<number>): Promise<Check> {
  try {
    return { name, looked: await world.time.until(checking), violations: [] }
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.message : String(thrown)
    return { name, looked: 1, violations: [{ check: name, subject: 'the world', what }] }
  }
}

async function chainHolds(world: World): Promise<number> {
  const verdict = await world.ask('audit-service', ({ database }) => verifyAll(database))
  if (!verdict.ok) throw new Error(`entry ${verdict.brokenAt} is ${verdict.why}`)
  return verdict.events
}

/** The read model derived again from the facts is the same, to the row. */
async function rebuildIsSame(world: World): Promise<number> {
  const before = hashOfTable(world, 'order-service', 'orders')
  const looked = await world.ask('order-service', ({ database }) => rebuildOrders(database, () => undefined))
  if (hashOfTable(world, 'order-service', 'orders') !== before) throw new Error('the table of orders has changed')
  return looked
}

/** Long after everything has ended, messages of any age come again. Mail that was refused is tried again, by design. */
async function oldMessagesChangeNothing(
  world: World,
  plans: readonly Plan[],
  before: Record<string, string>,
): Promise<Check> {
  const name = 'old messages that come again change nothing'
  const refused = new Set(plans.filter(({ form }) => form.contact?.email === REFUSED_ADDRESS).map((it) => it.orderId))
  const wanted = world.witness.old.filter(({ properties }) => !refused.has(properties.correlationId ?? ''))
  for (let count = 0; count < REPLAYED_AFTERWARDS; count++) await world.time.until(repeatOld(world, wanted))
  await rest(world, REPLAY_REST_MS)
  const looked = Math.min(REPLAYED_AFTERWARDS, wanted.length)
  return { name, looked, violations: differences(name, before, everythingKept(world)) }
}

function differences(check: string, before: Record<string, string>, after: Record<string, string>): Violation[] {
  const changed = Object.keys(after).filter((table) => before[table] !== after[table])
  return changed.map((table) => ({ check, subject: table, what: 'has changed' }))
}
