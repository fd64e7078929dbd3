// Group commit: work that waits at the same moment, messages and HTTP requests alike, shares one transaction and one
// fsync. Nobody waits on a timer: while one group commits, the next one forms.
//
// Promise: `submit` resolves after the commit that holds its changes and its messages, or rejects and none of them
// exist. When a member fails, the group is taken back and run again with a savepoint for each, so that its failure undoes
// only itself. When the transaction as a whole fails, its members are tried one by one, so that one bad row spoils only itself.
//
// Two copies of a service on PostgreSQL do not meet: before any member runs, the group takes the keys of all of them, in
// one order. What can still collide, deadlock or be cut off is tried again at once.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Message } from '../contracts/index.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, errorCode, isOutage, RejectedError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Database, Sql, Transaction } from '../storage/index.ts'
import type { Publication } from './broker.ts'
import { type Cause, encode } from './envelope.ts'
import type { Outbox, Recorded } from './outbox.ts'

export interface Done<T> {
  result: T
  /** Published after the commit, each exactly as recorded. */
  messages: Message[]
}

/** Loads, decides, saves; no call to the outside. May run more than once, each time on a clean state. */
export type Work<T> = (tx: Sql) => Promise<Done<T>>

export interface Submission {
  /** What `work` loads to decide about: no other group, of any copy, has one of these keys at the same time. */
  keys?: string[]
  cause?: Cause
}

export interface GroupCommit {
  /**
   * @throws RejectedError 503 `overloaded` when too much waits already, 503 `stopping` after `close`; TransientError with
   * `isOutage` when the database is away or another process keeps its lock; and whatever `work` throws.
   */
  submit<T>(work: Work<T>, submission?: Submission): Promise<T>
  waiting(): number
  /** Finishes what waits; whatever is submitted afterwards is refused. */
  close(): Promise<void>
}

interface Options {
  database: Database
  outbox: Outbox
  service: string
  /** Told after each commit, for metrics. */
  committed?: (members: number) => void
  groupMax?: number
  waitingMax?: number
}

interface Member {
  keys: string[]
  run(tx: Sql): Promise<Publication[]>
  resolve(): void
  reject(error: Error): void
}

interface Outcome {
  verdicts: (() => void)[]
  recorded: Recorded[]
  forgotten(): void
}

const GROUP_MAX = 128
const WAITING_MAX = 20_000
const IDLE_MS = 1_000
const TRIES_MAX = 4

export function createGroupCommit(options: Options): GroupCommit {
  const { database, outbox, service, committed, groupMax = GROUP_MAX, waitingMax = WAITING_MAX } = options
  let waiting: Member[] = []
  let draining: Promise<void> | undefined
  let closed = false

  async function drain(): Promise<void> {
    // A turn of the event loop lets the sockets hand over everything that has arrived: that is what forms the group.
    for (await nextTurn(); waiting.length > 0; await nextTurn()) {
      const group = waiting.slice(0, groupMax)
      waiting = waiting.slice(groupMax)
      const outcome = await commit(group)
      if (!(outcome instanceof Error)) tell(outcome)
      else if (isOutage(outcome)) rejectAll(group, outcome)
      else await commitOneByOne(group)
    }
    draining = undefined
  }

  /** Gives the reason, with nobody told, when the transaction as a whole fails. */
  async function commit(group: Member[]): Promise<Outcome | Error> {
    for (let tries = 1; ; tries++) {
      const outcome = await commitOnce(group).catch(asError)
      // Then the members, run again, find their work done and say nothing: what they said is in the table.
      if (outcome instanceof Error && errorCode(outcome) === 'commit_unknown') outbox.lookAgain()
      if (!(outcome instanceof Error) || !PASSING.has(errorCode(outcome)) || tries === TRIES_MAX) return outcome
    }
  }

  /** Nearly every group is without a fault, and a savepoint costs each member two statements: so only after a fault. */
  async function commitOnce(group: Member[]): Promise<Outcome> {
    return transact(group, runBare).catch((error: unknown) => {
      if (!(error instanceof MemberFailed)) throw error
      return group.length > 1 ? transact(group, runApart) : { verdicts: [error.verdict], recorded: [], forgotten: noop }
    })
  }

  async function transact(group: Member[], run: typeof runApart): Promise<Outcome> {
    return database.transaction(async (tx) => {
      await tx.lock(group.flatMap(({ keys }) => keys))
      const verdicts: (() => void)[] = []
      const publications: Publication[] = []
      for (const member of group) verdicts.push(await run(tx, member, publications))
      const [forgotten, recorded] = await Promise.all([outbox.forget(tx), outbox.record(tx, publications)])
      reached('before-commit')
      return { verdicts, recorded, forgotten }
    })
  }

  /** Apart from `commit`, so that a fault in here cannot be taken for a failed commit and run the members again. */
  function tell({ verdicts, recorded, forgotten }: Outcome): void {
    reached('after-commit')
    forgotten()
    outbox.send(recorded)
    for (const verdict of verdicts) verdict()
    committed?.(verdicts.length)
  }

  async function commitOneByOne(group: Member[]): Promise<void> {
    for (const [index, member] of group.entries()) {
      const outcome = await commit([member])
      if (isOutage(outcome)) return rejectAll(group.slice(index), outcome)
      if (outcome instanceof Error) member.reject(outcome)
      else tell(outcome)
    }
  }

  /** An outage is nobody's own fault, and each would have to wait for its end as long again. */
  function rejectAll(group: Member[], outage: Error): void {
    for (const member of group) member.reject(outage)
  }

  function enqueue(member: Member): void {
    waiting.push(member)
    draining ??= drain()
  }

  // Without traffic no later group comes along to forget what was confirmed.
  const idle = setInterval(() => {
    if (outbox.pending().confirmed > 0 && !draining) enqueue(forgetting)
  }, IDLE_MS)
  idle.unref()

  return {
    submit<T>(work: Work<T>, { keys = [], cause = {} }: Submission = {}) {
      if (closed) return Promise.reject(new RejectedError(503, 'stopping', 'this service is stopping; try again soon'))
      if (waiting.length >= waitingMax) return Promise.reject(overloaded(waiting.length))
      const settled = deferred<T>()
      enqueue(memberOf(work, { keys, cause }, service, settled))
      return settled.promise
    },
    waiting: () => waiting.length,
    async close() {
      closed = true
      clearInterval(idle)
      if (outbox.pending().confirmed > 0) enqueue(forgetting)
      await draining
    },
  }
}

/** A member of a group without savepoints has failed: what the others did is lost with it. */
class MemberFailed extends Error {
  override name = 'MemberFailed'
  verdict: () => void
  constructor(member: Member, cause: Error) {
    super(cause.message, { cause })
    this.verdict = () => member.reject(cause)
  }
}

/** Runs one member and returns what to tell it once the group has committed. */
async function runBare(tx: Transaction, member: Member, publications: Publication[]): Promise<() => void> {
  try {
    publications.push(...(await member.run(tx)))
    return member.resolve
  } catch (thrown) {
    const error = asError(thrown)
    throw isOfAll(error) ? error : new MemberFailed(member, error)
  }
}

/** The same in a savepoint, so that its failure is its own. */
async function runApart(tx: Transaction, member: Member, publications: Publication[]): Promise<() => void> {
  try {
    publications.push(...(await tx.savepoint(() => member.run(tx))))
    return member.resolve
  } catch (thrown) {
    const error = asError(thrown)
    if (isOfAll(error)) throw error
    // The member's own failure, told after the commit of the others.
    return () => member.reject(error)
  }
}

function memberOf<T>(
  work: Work<T>,
  { keys, cause }: Required<Submission>,
  service: string,
  settled: Deferred<T>,
): Member {
  let done: Done<T> | undefined
  return {
    keys,
    async run(tx) {
      done = await work(tx)
      return done.messages.map((message) => encode(message, service, cause))
    },
    resolve() {
      if (done) settled.resolve(done.result)
    },
    reject: settled.reject,
  }
}

const noop = () => undefined
const forgetting: Member = { keys: [], run: async () => [], resolve: noop, reject: noop }

/** Trying again at once may help: another copy was in the way, or the connection was lost and a new one may be had. */
const PASSING = new Set(['deadlock', 'serialization_failure', 'connection_lost', 'commit_unknown'])
/** What has cost the whole transaction, although only one member's statement heard of it. */
const WHOLE = new Set(['transaction_lost', 'deadlock', 'serialization_failure'])
const isOfAll = (error: Error) => isOutage(error) || WHOLE.has(errorCode(error))

function overloaded(waiting: number): RejectedError {
  return new RejectedError(503, 'overloaded', `${waiting} requests are waiting already; try again soon`, {
    retryAfterSeconds: 1,
  })
}
