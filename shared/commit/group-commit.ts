// Group commit: messages and HTTP requests that wait at the same moment share one transaction and one fsync. No work waits for
// a timer. While one group commits, the next one forms.
//
// A group loads the state of all its members, lets them decide in memory in their order of arrival, and saves what changed. So
// the second message of an order sees what the first one decided. All members share the cost of each statement, and on
// PostgreSQL of each round trip.
//
// Promise: `submit` resolves after the commit of its changes and messages, or rejects and none of them exist. If a member's
// decision throws, only this member fails, since nothing was written for it. If the group cannot be saved, its members are
// tried one by one, so that one bad row fails only its own member.
//
// Two groups that own the same key never run at the same time. Within a copy of the service the later group waits; between
// copies the database's locks make it wait. Groups can still deadlock, fail to serialize or lose their connection. Then they
// are tried again at once.
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
   * `isOutage` when the database is away or another process keeps its lock, with `isInterrupted` when this work's commit was
   * interrupted four times; and whatever `work` throws.
   */
  submit<T>(work: Work<T>, cause?: Cause): Promise<T>
  waiting(): number
  /** Finishes the waiting work. Later work is refused. */
  close(): Promise<void>
}

interface Options {
  database: Database
  outbox: Pick<Outbox, 'record' | 'send' | 'takeConfirmed' | 'lookAgain' | 'pending'>
  service: string
  registry: Registry
  now: () => Date
  /** Encrypts personal data in all messages of a group at once. Without it, messages stay as they are. */
  seal?: ((tx: Reader, said: Said[]) => Promise<Publication[]>) | undefined
  /** Called after each commit, for metrics. */
  committed?: (members: number) => void
  /** Called after a commit that made a row in `retries` due: a new task, or a row that waited for what was saved. */
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

  /** Waits one turn of the event loop, so that the sockets hand over everything that has arrived. That forms the group. */
  async function form(): Promise<void> {
    await nextTurn()
    forming = undefined
    while (underWay.size < database.writersMax) {
      const group = nextGroup()
      if (group.length === 0) return
      start(group)
    }
  }

  /**
   * Takes the members that have waited longest. It skips a member that owns a key of a running group, or a key of a member
   * skipped before it.
   */
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

  /** Returns an error if the transaction failed. Calls back no member in either case. */
  async function commit(group: Member[]): Promise<Outcome | Error> {
    let isUnknown = false
    for (let tries = 1; ; tries++) {
      const outcome = await transact(group).catch(asError)
      if (outcome instanceof Error && errorCode(outcome) === 'commit_unknown') isUnknown = true
      if (isInterrupted(outcome) && tries < TRIES_MAX) continue
      // The commit may have succeeded after all. Then the repeated members found their work done and returned no messages, so
      // those are only in the table. Look only now: the server may have been committing until the repeat got its locks.
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

  /** Separate from `commit`, so that an error in here is not taken for a failed commit, which would run the members again. */
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

  /** An outage is no member's fault. Tried alone, each member would wait for the end of the outage again. */
  function rejectAll(group: Member[], outage: Error): void {
    for (const member of group) member.reject(outage)
  }

  function enqueue(member: Member): void {
    waiting.push(member)
    if (underWay.size < database.writersMax) forming ??= form()
  }

  // Without traffic, no later group deletes the confirmed rows.
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

/** An interruption is left out. One member may end the session each time, and the others must not fail with it. */
const isEverybodys = (outcome: unknown): outcome is TransientError => isOutage(outcome) && !isInterrupted(outcome)

/** Links the commit's span to the traces of its members. */
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
