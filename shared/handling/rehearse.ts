// A rehearsal shows what would happen to a message if it came now. The functions of the real handling decode it, load its
// state, decide and encode the resulting messages.
//
// Promise: nothing is written, since all reads go through an object that cannot write. Nothing is published. No outside call is
// made.
import { type Cells, createCells } from '../commit/cells.ts'
import type { Message, Received } from '../contracts/definition/contract.ts'
import type { Rehearsal } from '../contracts/definition/operations.ts'
import { encode } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
import type { Database, Reader } from '../storage/index.ts'
import { isAway } from './attempt.ts'
import type { Context, Handler } from './handler.ts'
import type { ConsumerOptions, Kernel } from './kernel.ts'
import { createUnderstanding } from './understanding.ts'

const STACK_MAX = 4_000

type By = Pick<Kernel, 'service' | 'registry' | 'open' | 'now' | 'oldestDays'> & { database: Database }
export type Rehearse = (queue: string, arrived: Arrived) => Promise<Rehearsal>

export function createRehearsal({ database, ...by }: By, consumers: readonly ConsumerOptions[]): Rehearse {
  const reader = readingOnly(database)

  async function decided(options: ConsumerOptions, arrived: Arrived): Promise<Rehearsal> {
    const { eventOf, demandYoung, handlerOf } = createUnderstanding(by, options)
    const event = await eventOf(arrived)
    demandYoung(event)
    const handler = handlerOf(event)
    const cells = createCells()
    await cells.load(reader, [], (known) => handler.reads(event, known))
    const answer = handler.ask && handler.recall?.(event, cells)
    if (handler.ask && !answer) return { ...NOTHING, outcome: 'open', open: handler.guard?.name ?? 'an outside system' }
    return decide(by, { handler, event, cells, answer: answer?.answer })
  }

  /**
   * @throws RejectedError 409 `not_rehearsed` for a queue that this service does not consume; and what the database throws
   * while it is away
   */
  return async (queue, arrived) => {
    const options = consumers.find((one) => one.queue === queue)
    if (!options)
      throw new RejectedError(
        409,
        'not_rehearsed',
        `${by.service} does not consume ${queue}, so it cannot rehearse this message`,
      )
    if (options.retired?.includes(arrived.properties.type ?? '')) return NOTHING
    try {
      return await decided(options, arrived)
    } catch (thrown) {
      const error = asError(thrown)
      if (isAway(error)) throw error
      const stack = (error.stack ?? '').slice(0, STACK_MAX)
      return { ...NOTHING, outcome: 'fails', error: { code: errorCode(error), message: error.message, stack } }
    }
  }
}

const NOTHING: Rehearsal = { outcome: 'decided', says: [], changes: [], open: null, error: null }

interface Loaded {
  handler: Handler
  event: Received
  cells: Cells
  answer: unknown
}

function decide(
  { service, registry, now }: Omit<By, 'database'>,
  { handler, event, cells, answer }: Loaded,
): Rehearsal {
  const context: Context = { now: now().toISOString(), attempt: 1, redelivered: false, waitedMs: 0 }
  const messages = cells.decide((draft) => handler.decide(event, draft, context, answer))
  // In a real commit, a message that violates its own contract would undo the decision.
  for (const message of messages) encode(registry, message, service, { causationId: event.id })
  return { ...NOTHING, says: messages.map(told), changes: cells.changes() }
}

const told = ({ id, type, subject, data, isTask = false }: Message) => ({ id, type, subject, data, isTask })

/** Replaces the transaction: reads committed data, locks nothing and cannot write. */
function readingOnly(database: Reader) {
  const { all, get } = database
  return { all, get, lock: async () => undefined }
}
