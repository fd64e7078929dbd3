// A rehearsal shows what would happen to a message if it came now. The functions of the real handling decode it, load its
// state, decide and encode the resulting messages.
//
// Promise: nothing is written, since all reads go through an object that cannot write. Nothing is published. No outside call is
// made.
import { type Cells, createCells } from '../commit/cells.ts'
import type { Work } from '../commit/work.ts'
import type { Message } from '../contracts/definition/contract.ts'
import type { Rehearsal } from '../contracts/definition/operations.ts'
import { BODY_MAX_BYTES, encode } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
import type { Database, Reader } from '../storage/index.ts'
import { isAway } from './attempt.ts'
import type { Context } from './handler.ts'
import type { ConsumerOptions, Kernel } from './kernel.ts'
import { type Answerer, createQuestions, deadlineBefore } from './questions.ts'
import { createUnderstanding } from './understanding.ts'

const STACK_MAX = 4_000

/** The queue of a service's RPC server, and what it answers. */
export interface Rpc {
  queue: string
  answerers: readonly Answerer[]
}

type By = Pick<Kernel, 'service' | 'registry' | 'open' | 'now' | 'oldestDays'> & { database: Database }
export type Rehearse = (queue: string, arrived: Arrived) => Promise<Rehearsal>

export function createRehearsal({ database, ...by }: By, consumers: readonly ConsumerOptions[], rpc?: Rpc): Rehearse {
  const reader = readingOnly(database)
  const understand = createQuestions(rpc?.answerers ?? [], BODY_MAX_BYTES)

  async function decided(options: ConsumerOptions, arrived: Arrived): Promise<Rehearsal> {
    const { eventOf, demandYoung, handlerOf } = createUnderstanding(by, options)
    const event = await eventOf(arrived)
    demandYoung(event)
    const handler = handlerOf(event)
    const cells = createCells()
    await cells.load(reader, [], (known) => handler.reads(event, known))
    const answer = handler.ask && handler.recall?.(event, cells)
    if (handler.ask && !answer) return { ...NOTHING, outcome: 'open', open: handler.guard?.name ?? 'an outside system' }
    const context: Context = { now: by.now().toISOString(), attempt: 1, redelivered: false, waitedMs: 0 }
    return result(
      by,
      cells,
      (draft) => ({ result: undefined, messages: handler.decide(event, draft, context, answer?.answer) }),
      event.id,
    )
  }

  /** A question ends with whatever its server does, even with a refusal. Only one that cannot be understood fails. */
  async function answered(arrived: Arrived): Promise<Rehearsal> {
    const deadline = deadlineBefore(by.now(), arrived)
    if (deadline) return { ...NOTHING, error: { ...LATE, message: `its asker waited until ${deadline.toISOString()}` } }
    const { answerer, request } = understand(arrived)
    try {
      const { reads, decide } = answerer.work(request, by.now().toISOString())
      const cells = createCells()
      await cells.load(reader, [], reads)
      return result(by, cells, decide)
    } catch (thrown) {
      return { ...NOTHING, error: told(thrown) }
    }
  }

  /**
   * @throws RejectedError 409 `not_rehearsed` for a queue that this service does not consume; and what the database throws
   * while it is away
   */
  return async (queue, arrived) => {
    const options = consumers.find((one) => one.queue === queue)
    if (!options && queue !== rpc?.queue)
      throw new RejectedError(
        409,
        'not_rehearsed',
        `${by.service} does not consume ${queue}, so it cannot rehearse this message`,
      )
    if (options?.retired?.includes(arrived.properties.type ?? '')) return NOTHING
    try {
      return await (options ? decided(options, arrived) : answered(arrived))
    } catch (thrown) {
      return { ...NOTHING, outcome: 'fails', error: told(thrown) }
    }
  }
}

const NOTHING: Rehearsal = { outcome: 'decided', says: [], changes: [], open: null, error: null }
const LATE = { code: 'deadline_passed', stack: '' }

/** @throws what the database throws while it is away */
function told(thrown: unknown): Rehearsal['error'] {
  const error = asError(thrown)
  if (isAway(error)) throw error
  return { code: errorCode(error), message: error.message, stack: (error.stack ?? '').slice(0, STACK_MAX) }
}

/** What the decision would publish and change. */
function result(
  { service, registry }: Pick<By, 'service' | 'registry'>,
  cells: Cells,
  decide: Work<unknown>['decide'],
  causationId?: string,
): Rehearsal {
  const messages = cells.decide(decide).messages
  // In a real commit, a message that violates its own contract would undo the decision.
  for (const message of messages) encode(registry, message, service, { causationId })
  return { ...NOTHING, says: messages.map(said), changes: cells.changes() }
}

const said = ({ id, type, subject, data, isTask = false }: Message) => ({ id, type, subject, data, isTask })

/** Replaces the transaction: reads committed data, locks nothing and cannot write. */
function readingOnly(database: Reader) {
  const { all, get } = database
  return { all, get, lock: async () => undefined }
}
