// Group commit: work that waits at the same moment, messages and HTTP requests alike, shares one transaction and one
// fsync. Nobody waits on a timer: while one group commits, the next one forms.
//
// Promise: `submit` resolves after the commit that holds its changes and its messages, or rejects and none of them
// exist. Each member runs in a savepoint of its own, so that its failure undoes only itself. When the transaction as a
// whole fails, its members are tried one by one, so that one bad row spoils only itself.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Message } from '../contracts/index.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
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

export interface GroupCommit {
  /**
   * @throws RejectedError 503 `overloaded` when too much waits already, 503 `database_locked` when another process keeps
   * the lock, 503 `stopping` after `close`, and whatever `work` throws.
   */
  submit<T>(work: Work<T>, cause?: Cause): Promise<T>
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
      const outcome = await commit(group).catch(asError)
      if (!(outcome instanceof Error)) tell(outcome)
      // Nobody's own fault, and each would have to wait for the lock as long again.
      else if (errorCode(outcome) === 'database_locked') for (const member of group) member.reject(locked(outcome))
      else await commitOneByOne(group)
    }
    draining = undefined
  }

  /** Rejects, with nothing changed and nobody told, when the transaction as a whole fails. */
  async function commit(group: Member[]): Promise<Outcome> {
    return database.transaction(async (tx) => {
      const forgotten = await outbox.forget(tx)
      const verdicts: (() => void)[] = []
      const publications: Publication[] = []
      for (const member of group) verdicts.push(await runMember(tx, member, publications))
      const recorded = await outbox.record(tx, publications)
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
    for (const member of group) {
      const outcome = await commit([member]).catch(asError)
      if (outcome instanceof Error) member.reject(outcome)
      else tell(outcome)
    }
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
    submit<T>(work: Work<T>, cause: Cause = {}) {
      if (closed) return Promise.reject(new RejectedError(503, 'stopping', 'this service is stopping; try again soon'))
      if (waiting.length >= waitingMax) return Promise.reject(overloaded(waiting.length))
      const settled = deferred<T>()
      enqueue(memberOf(work, cause, service, settled))
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

/** Runs one member and returns what to tell it once the group has committed. */
async function runMember(tx: Transaction, member: Member, publications: Publication[]): Promise<() => void> {
  try {
    publications.push(...(await tx.savepoint(() => member.run(tx))))
    return member.resolve
  } catch (thrown) {
    const error = asError(thrown)
    if (errorCode(error) === 'transaction_lost') throw error
    // The member's own failure, told after the commit of the others.
    return () => member.reject(error)
  }
}

function memberOf<T>(work: Work<T>, cause: Cause, service: string, settled: Deferred<T>): Member {
  let done: Done<T> | undefined
  return {
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

const forgetting: Member = { run: async () => [], resolve: () => undefined, reject: () => undefined }

function locked(cause: Error): RejectedError {
  return new RejectedError(503, 'database_locked', 'the database is locked; try again soon', {
    cause,
    retryAfterSeconds: 1,
  })
}

function overloaded(waiting: number): RejectedError {
  return new RejectedError(503, 'overloaded', `${waiting} requests are waiting already; try again soon`, {
    retryAfterSeconds: 1,
  })
}
