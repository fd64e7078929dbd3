// Group commit: work that waits at the same moment, messages and HTTP requests alike, shares one transaction and one
// fsync. Nobody waits on a timer: while one group commits, the next one forms.
//
// A group loads what all its members decide about, lets them decide in memory in the order of their arrival, and saves what has
// changed: so the second message of an order sees what the first one decided, and the cost of a statement, on PostgreSQL of a
// round trip, is shared by the group.
//
// Promise: `submit` resolves after the commit that holds its changes and its messages, or rejects and none of them
// exist. A member whose decision throws spoils only itself, since nothing has been written for it. When the group cannot be
// saved, its members are tried one by one, so that one bad row spoils only itself.
//
// Two groups that decide about the same key are never under way at the same time: within a copy of the service the later one
// waits its turn, between copies the database's locks see to it. What can still collide, deadlock or be cut off is tried
// again at once.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Registry } from '../contracts/definition/registry.ts'
import type { Publication } from '../messaging/broker.ts'
import type { Cause } from '../messaging/envelope.ts'
import { beginStep } from '../messaging/spans.ts'
import { taskOf } from '../retries/kept.ts'
import { addTasks } from '../retries/retries.ts'
import { asError, errorCode, isInterrupted, isOutage, RejectedError, type TransientError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Database, Reader } from '../storage/index.ts'
import { createCells } from './cells.ts'
import { decideAll, forgetting, loadAll, type Member, memberOf, type Said } from './members.ts'
import type { Outbox } from './outbox.ts'
import type { Recorded } from './outbox-rows.ts'
import type { Work } from './work.ts'

export interface GroupCommit {
  /**
   * @throws RejectedError 503 `overloaded` when too much waits already, 503 `stopping` after `close`; TransientError with
   * `isOutage` when the database is away or another process keeps its lock, with `isInterrupted` when that happened to this one's commit
   * four times; and whatever `work` throws.
   */
  submit<T>(work: Work<T>, cause?: Cause): Promise<T>
  waiting(): number
  /** Finishes what waits; whatever is submitted afterwards is refused. */
  close(): Promise<void>
}

interface Options {
  database: Database
  outbox: Pick<Outbox, 'record' | 'send' | 'takeConfirmed' | 'lookAgain' | 'pending'>
  service: string
  registry: Registry
  now: () => Date
  /** Seals what tells about people, of all that a group says at once; without it, it goes as it is. */
  seal?: ((tx: Reader, said: Said[]) => Promise<Publication[]>) | undefined
  /** Told after each commit, for metrics. */
  committed?: (members: number) => void
  /** Told after a commit by which a row is due: a task of this service, or what has waited for what is saved. */
  rowDue?: () => void
  groupMax?: number
  waitingMax?: number
}

interface Outcome {
  verdicts: (() => void)[]
  recorded: Recorded[]
  isRowDue: boolean
}

const GROUP_MAX = 128
const WAITING_MAX = 20_000
const IDLE_MS = 1_000
const TRIES_MAX = 4

export function createGroupCommit(options: Options): GroupCommit {
  const {
    database,
    outbox,
    service,
    registry,
    now,
    seal = asSaid,
    committed,
    rowDue,
    groupMax = GROUP_MAX,
    waitingMax = WAITING_MAX,
  } = options
  let waiting: Member[] = []
  const underWay = new Set<Promise<void>>()
  const locked = new Set<string>()
  let forming: Promise<void> | undefined
  let closed = false

  /** A turn of the event loop lets the sockets hand over everything that has arrived: that is what forms a group. */
  async function form(): Promise<void> {
    await nextTurn()
    forming = undefined
    while (underWay.size < database.writersMax) {
      const group = nextGroup()
      if (group.length === 0) return
      start(group)
    }
  }

  /** Those that wait the longest, but for whoever must wait for a group under way, or for one that does. */
  function nextGroup(): Member[] {
    const group: Member[] = []
    const left: Member[] = []
    const blocked = new Set(locked)
    let looked = 0
    for (; looked < waiting.length && group.length < groupMax; looked++) {
      const member = waiting[looked]
      if (!member) continue
      if (!member.locks.some((key) => blocked.has(key))) group.push(member)
      else {
        left.push(member)
        for (const key of member.locks) blocked.add(key)
      }
    }
    waiting = [...left, ...waiting.slice(looked)]
    return group
  }

  function start(group: Member[]): void {
    const keys = new Set(group.flatMap(({ locks }) => locks))
    for (const key of keys) locked.add(key)
    const running = commitGroup(group).finally(() => {
      for (const key of keys) locked.delete(key)
      underWay.delete(running)
      if (waiting.length > 0) forming ??= form()
    })
    underWay.add(running)
  }

  async function commitGroup(group: Member[]): Promise<void> {
    const outcome = await commit(group)
    if (!(outcome instanceof Error)) tell(outcome)
    else if (isEverybodys(outcome)) rejectAll(group, outcome)
    else await commitOneByOne(group, outcome)
  }

  /** Gives the reason, with nobody told, when the transaction as a whole fails. */
  async function commit(group: Member[]): Promise<Outcome | Error> {
    let isUnknown = false
    for (let tries = 1; ; tries++) {
      const outcome = await transact(group).catch(asError)
      if (outcome instanceof Error && errorCode(outcome) === 'commit_unknown') isUnknown = true
      if (isInterrupted(outcome) && tries < TRIES_MAX) continue
      // The members, run again, find their work done and say nothing: what they said is in the table. Only now, since the server may have
      // been committing until they had its locks.
      if (isUnknown) outbox.lookAgain()
      return outcome
    }
  }

  async function transact(group: Member[]): Promise<Outcome> {
    const confirmed = outbox.takeConfirmed()
    const step = committing(group)
    try {
      const outcome = await database.transaction(async (tx) => {
        const cells = createCells()
        const verdicts = await loadAll(tx, cells, group)
        const publications = await seal(tx, await decideAll(tx, cells, group, verdicts))
        const tasks = publications.filter(({ isTask }) => isTask)
        const [recorded, released] = await Promise.all([
          outbox.record(tx, tasks.length === 0 ? publications : publications.filter(({ isTask }) => !isTask)),
          cells.save(tx),
          confirmed.forget(tx),
          addTasks(
            tx,
            tasks.map((task) => taskOf(task, now().toISOString())),
          ),
        ])
        reached('before-commit')
        return { verdicts: [...verdicts.values()], recorded, isRowDue: tasks.length + released > 0 }
      })
      confirmed.ended(true)
      step?.end()
      return outcome
    } catch (error) {
      confirmed.ended(false)
      step?.end(error)
      throw error
    }
  }

  /** Apart from `commit`, so that a fault in here cannot be taken for a failed commit and run the members again. */
  function tell({ verdicts, recorded, isRowDue }: Outcome): void {
    reached('after-commit')
    outbox.send(recorded)
    if (isRowDue) rowDue?.()
    for (const verdict of verdicts) verdict()
    committed?.(verdicts.length)
  }

  async function commitOneByOne(group: Member[], fault: Error): Promise<void> {
    if (group.length === 1) return rejectAll(group, fault)
    for (const [index, member] of group.entries()) {
      const outcome = await commit([member])
      if (isEverybodys(outcome)) return rejectAll(group.slice(index), outcome)
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
    if (underWay.size < database.writersMax) forming ??= form()
  }

  // Without traffic no later group comes along to forget what was confirmed.
  const idle = setInterval(() => {
    if (outbox.pending().confirmed > 0 && underWay.size === 0 && !forming) enqueue(forgetting)
  }, IDLE_MS)
  idle.unref()

  return {
    submit<T>(work: Work<T>, cause: Cause = {}) {
      if (closed) return Promise.reject(new RejectedError(503, 'stopping', 'this service is stopping; try again soon'))
      if (waiting.length >= waitingMax) return Promise.reject(overloaded(waiting.length))
      return new Promise<T>((resolve, reject) =>
        enqueue(memberOf(work, { service, registry }, cause, { resolve, reject })),
      )
    },
    waiting: () => waiting.length,
    async close() {
      closed = true
      clearInterval(idle)
      if (outbox.pending().confirmed > 0) enqueue(forgetting)
      while (forming || underWay.size > 0) await Promise.all([forming, ...underWay])
    },
  }
}

/** What is interrupted each time may be a member that ends its session: the others are not to suffer for it. */
const isEverybodys = (outcome: unknown): outcome is TransientError => isOutage(outcome) && !isInterrupted(outcome)

/** Linked to whatever brought a member that is in a trace. */
const committing = (group: readonly Member[]) =>
  beginStep(() => ({
    name: 'commit',
    kind: 'INTERNAL',
    attributes: { 'messaging.batch.message_count': group.length },
    links: group.map(({ trace }) => trace),
  }))

const asSaid = async (_: Reader, said: Said[]) => said.map(({ publication }) => publication)

function overloaded(waiting: number): RejectedError {
  return new RejectedError(503, 'overloaded', `${waiting} requests are waiting already; try again soon`, {
    retryAfterSeconds: 1,
  })
}
