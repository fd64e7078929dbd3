// One simulation run: it creates a world, sends requests and causes faults; then faults stop, work comes to rest, and the
// checks run.
import type { Publication } from '../../messaging/broker.ts'
import { RejectedError } from '../../runtime/errors.ts'
import { everythingKept, type Kept, type Unlike, whatIsKept } from './kept.ts'
import { misbehave, repeatOld } from './mischief.ts'
import { watchDeadLetters } from './operator.ts'
import { createRandom, type Random } from './random.ts'
import type { Counted } from './tally.ts'
import {
  type Check,
  check,
  type Look,
  lettersAreAccounted,
  nothingWaits,
  outboxesAreEmpty,
  queuesAreEmpty,
  type Violation,
} from './verdict.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

/** What a domain provides for its simulation. */
export interface Scenario<Evidence extends Kept = Kept, W extends World = World> {
  /** Called before the first request. */
  begin?(world: W): Promise<void>[]
  /**
   * One request of a person, with its follow-ups. Each promise resolves when it is answered. `random` is a separate stream; use
   * it before the first await.
   */
  act(world: W, number: number, random: Random): Promise<unknown>[]
  /** Reads the result of the run. */
  gather(world: W, kept: Kept): Evidence | Promise<Evidence>
  checks: Readonly<Record<string, Look<Evidence>>>
  /** Checks of what was seen during the run. By default: messages with one id are equal. */
  seen?(world: W): Check[]
  /** Checks that take time. Each resolves with the number of things it checked, or throws what is wrong. */
  afterwards?: Readonly<Record<string, (world: W) => Promise<number>>>
  /** Longer than any timer of the domain, in milliseconds; default 90 s. */
  restMs?: number
  /** Longer than any timer that an old message may set; default 70 s. */
  replayRestMs?: number
  /** Old messages are published again at the end. Returns true for those that may change something. */
  mayChange?(publication: Publication, evidence: Evidence): boolean
  unlike?: Unlike
}

export interface Report<Evidence = Kept> {
  evidence: Evidence
  checks: Check[]
  violations: Violation[]
  counts: Record<Counted, number>
  virtualMs: number
  /** A hash of everything decided in the run and of its result. Two runs with one hash were the same run. */
  hash: string
}

export interface Progress {
  placed: number
  virtualMs: number
  crashes: number
}

const GAP_MEAN_MS = 12
const MISCHIEF_PER_WISH = 0.08
/** Faults go on for this time after the last request. */
const UNREST_MS = 20_000
const REST_MS = 90_000
const REPLAY_REST_MS = 70_000
const REPLAYED_AFTERWARDS = 40
const PATIENCE_MEAN_MS = 300

/** The checks that need nothing of the domain. */
export const commonChecks = {
  'nothing waits to be tried again': nothingWaits,
  'no queue holds anything': queuesAreEmpty,
  'every dead letter is accounted for': lettersAreAccounted,
  'no outbox holds anything': outboxesAreEmpty,
} satisfies Readonly<Record<string, Look<Kept>>>

/**
 * Runs all services in this process, over a broker and databases in memory and in virtual time. The seed decides how long each
 * await takes, what comes twice, what fails and where processes die. Until it resolves, Node's timers in this thread belong to
 * the simulation, so it needs its own process or thread.
 */
export async function simulate<Evidence extends Kept>(
  options: WorldOptions,
  scenario: Scenario<Evidence>,
  progress?: (progress: Progress) => void,
): Promise<Report<Evidence>> {
  const world = createWorld(options)
  try {
    return await live(world, scenario, progress)
  } finally {
    world.time.release()
  }
}

/** The same in an existing world, which the caller releases. */
export async function live<Evidence extends Kept, W extends World>(
  world: W,
  scenario: Scenario<Evidence, W>,
  progress: (progress: Progress) => void = () => undefined,
): Promise<Report<Evidence>> {
  const { time, faults, tally, witness } = world
  const { checks, seen = () => [witness.saidOnce()], afterwards = {}, unlike, restMs = REST_MS } = scenario
  const letters = watchDeadLetters(world)
  world.start()
  const done: Check[] = [await concluded(world, 'everybody is answered', load(world, scenario, progress))]
  faults.calm()
  const isQuiet = await rest(world, restMs)
  const evidence = await scenario.gather(world, whatIsKept(world, letters))
  done.push(...seen(world))
  for (const [name, look] of Object.entries(checks)) done.push(await check(name, look, evidence))
  done.push(comesToRest(isQuiet))
  for (const [name, look] of Object.entries(afterwards)) done.push(await concluded(world, name, look(world)))
  const kept = everythingKept(world, unlike)
  done.push(await oldMessagesChangeNothing(world, scenario, evidence, kept))
  tally.note(JSON.stringify(kept), time.nowMs())
  tally.add('events', time.steps())
  return {
    evidence,
    checks: done,
    violations: done.flatMap(({ violations }) => violations),
    counts: tally.counts,
    virtualMs: time.nowMs(),
    hash: tally.hash().toString(16).padStart(8, '0'),
  }
}

/** Sends all requests. Resolves with their number when all are answered. */
async function load<W extends World>(
  world: W,
  { begin = () => [], act }: Pick<Scenario<Kept, W>, 'begin' | 'act'>,
  progress: (progress: Progress) => void,
): Promise<number> {
  const { seed, wishes, time, tally } = world
  const random = createRandom(seed, 'load')
  const underWay: Promise<unknown>[] = begin(world)
  for (let number = 1; number <= wishes; number++) {
    await time.pause(random.wait(GAP_MEAN_MS))
    underWay.push(...act(world, number, random))
    if (random.chance(MISCHIEF_PER_WISH)) underWay.push(misbehave(world))
    progress({ placed: number, virtualMs: time.nowMs(), crashes: tally.counts.crashes })
  }
  for (const until = time.nowMs() + UNREST_MS; time.nowMs() < until; await time.pause(random.wait(UNREST_MS / 8)))
    underWay.push(misbehave(world))
  await Promise.all(underWay)
  return wishes
}

/** Every timer of the system is shorter than this, so a system that is silent for this long stays silent. */
function rest({ time, tally: { counts } }: World, forMs: number): Promise<boolean> {
  return time.untilQuiet(forMs, () => counts.published + counts.deliveries)
}

function comesToRest(isQuiet: boolean): Check {
  const name = 'everything comes to rest'
  const violation = { check: name, subject: 'the world', what: 'messages go round for ever' }
  return { name, looked: 1, violations: isQuiet ? [] : [violation] }
}

async function concluded(world: World, name: string, checking: Promise<number>): Promise<Check> {
  try {
    return { name, looked: await world.time.until(checking), violations: [] }
  } catch (thrown) {
    const what = thrown instanceof Error ? thrown.message : String(thrown)
    return { name, looked: 1, violations: [{ check: name, subject: 'the world', what }] }
  }
}

/** After everything has ended, messages of any age are published again. */
async function oldMessagesChangeNothing<Evidence extends Kept, W extends World>(
  world: W,
  { mayChange = () => false, unlike, replayRestMs = REPLAY_REST_MS }: Scenario<Evidence, W>,
  evidence: Evidence,
  before: Record<string, string>,
): Promise<Check> {
  const name = 'old messages that come again change nothing'
  const wanted = world.witness.old.filter((publication) => !mayChange(publication, evidence))
  for (let count = 0; count < REPLAYED_AFTERWARDS; count++) await world.time.until(repeatOld(world, wanted))
  await rest(world, replayRestMs)
  const looked = Math.min(REPLAYED_AFTERWARDS, wanted.length)
  return { name, looked, violations: differences(name, before, everythingKept(world, unlike)) }
}

function differences(check: string, before: Record<string, string>, after: Record<string, string>): Violation[] {
  const changed = Object.keys(after).filter((table) => before[table] !== after[table])
  return changed.map((table) => ({ check, subject: table, what: 'has changed' }))
}

/** Repeats a question until it is answered. A refusal is an answer. */
export async function insist<T>({ time, random }: World, question: () => Promise<T>): Promise<T | RejectedError> {
  for (;;) {
    const answer = await question().catch((error: unknown) => error)
    if (!(answer instanceof Error)) return answer as T
    if (answer instanceof RejectedError && answer.status < 500) return answer
    await time.pause(random.wait(PATIENCE_MEAN_MS))
  }
}
