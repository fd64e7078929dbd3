// `inOrder` and `once`, for the few handlers whose decisions do not commute or cannot be repeated. They wrap what `on` returns.
// A handler that the domain's own keys make safe in any order, and twice, needs neither and costs less.
import type { Received } from '../contracts/definition/contract.ts'
import { BrokenError, PermanentError } from '../runtime/errors.ts'
import { type Known, owned } from '../storage/state.ts'
import type { AskContext, Context, Handler } from './handler.ts'
import { handled, turnOf, turns } from './turns.ts'

/** The position of a message among all messages with its key. */
export interface Place {
  key: string
  /** Starts at 1. The publisher counts without gaps, in the commit that decides the message. */
  position: number
}

interface Terms {
  /** How long a message waits for the earlier ones, in milliseconds; by default a day. */
  forMs?: number
}

export const EARLY = 'early'

/** An earlier position has not been handled yet. The message waits for it and uses no attempt and no patience. */
export class EarlyError extends PermanentError {
  override name = 'EarlyError'
  readonly sequence: string
  /** The position that must be handled first. */
  readonly after: number
  readonly forMs: number
  constructor(sequence: string, after: number, forMs: number) {
    super(EARLY, `position ${after} of ${sequence} has not been handled yet`)
    this.sequence = sequence
    this.after = after
    this.forMs = forMs
  }
  get waitsFor(): string {
    return turnOf(this.sequence, this.after)
  }
}

const DAY_MS = 86_400_000

/**
 * Handlers that are wrapped with the same `sequence` decide about the messages of one key in the order of their positions, each
 * position once. This holds whatever the order of arrival, redeliveries, crashes and copies of the service. `by` reads a
 * message's place from its data.
 *
 * - A message that comes early waits as a row (`GET /retries`, code `early`) and uses no attempt and no patience. Once the
 *   position before it is handled, it is due at once. At most 10,000 messages of a queue wait so, each for `forMs`. Beyond that
 *   a message becomes a dead letter, which can be sent again.
 * - A message whose position has been handled already is dropped, whatever it says.
 * - While one position is retried, all later ones wait. If it becomes a dead letter, they go on waiting until it is sent again
 *   or their own time is over. A position that `giveUp` decided counts as handled.
 *
 * It does not promise that every position arrives. If a publisher skips one, that key stops, and no other. No outside call is
 * made for a message that is early or dropped. The last position is kept in the service's database under the sequence's name,
 * and is never removed.
 *
 * @throws BrokenError `bad_handler` for a handler with `keepDeadLetter`: its given-up position counts as handled, so its dead
 * letter could not be sent again
 */
export function inOrder<Data>(
  sequence: string,
  by: (event: Received<Data>) => Place,
  { forMs = DAY_MS }: Terms = {},
): (handler: Handler) => Handler {
  function placeOf(event: Received) {
    // Decoding edge: the consumer calls a handler only with data that its contract's schema accepted.
    const { key, position } = by(event as Received<Data>)
    if (!Number.isSafeInteger(position) || position < 1)
      throw new PermanentError('bad_position', `${position} is not a position: the first is 1`)
    return { id: `${sequence} ${key}`, position }
  }

  /** Returns false if the position has been handled already. Throws EarlyError if an earlier one has not. */
  function isTurn(last: number, { id, position }: ReturnType<typeof placeOf>): boolean {
    if (position > last + 1) throw new EarlyError(id, position - 1, forMs)
    return position === last + 1
  }

  return wrapping({
    refuses: 'keepDeadLetter',
    refOf: (event) => owned(turns, placeOf(event).id),
    async isWanted(event, { read }) {
      const place = placeOf(event)
      return isTurn((await read(turns, place.id))?.position ?? 0, place)
    },
    take(event, draft, { now }) {
      const place = placeOf(event)
      if (!isTurn(draft.get(turns, place.id)?.position ?? 0, place)) return false
      draft.set(turns, place.id, { position: place.position, at: now })
      return true
    },
  })
}

/**
 * The handler decides once for each message id, in the commit that also stores the id. This is for decisions that would add up
 * when repeated. `purpose` distinguishes handlers of one service that hear the same event. Each message leaves a row that is
 * never removed, so that a repeat a month later is recognised too. If the domain has its own key for the decision, use that
 * instead.
 *
 * No outside call (`ask`) is made for a message that was handled. Before that, a crash or two copies may cause it to be made
 * twice. A decision of `giveUp` counts, unless the dead letter is kept (`keepDeadLetter`) to be sent again.
 */
export function once(purpose: string): (handler: Handler) => Handler {
  const idOf = ({ id }: Received) => `${purpose} ${id}`
  return wrapping({
    refOf: (event) => owned(handled, idOf(event)),
    isWanted: async (event, { read }) => (await read(handled, idOf(event))) === undefined,
    take(event, draft, { now }, isKept) {
      if (draft.get(handled, idOf(event)) !== undefined) return false
      if (!isKept) draft.set(handled, idOf(event), now)
      return true
    },
  })
}

interface Wrapping {
  refuses?: 'keepDeadLetter'
  refOf(event: Received): ReturnType<typeof owned>
  /** Whether to ask, judged by committed data, before the outside call. */
  isWanted(event: Received, context: AskContext): Promise<boolean>
  /**
   * Records that the message is decided. Returns false if it was decided before. `isKept`: its dead letter may be sent again.
   */
  take(event: Received, draft: Parameters<Handler['decide']>[1], context: Context, isKept: boolean): boolean
}

function wrapping({ refuses, refOf, isWanted, take }: Wrapping) {
  return (handler: Handler): Handler => {
    const { ask, reads, decide, giveUp, readsToGiveUp = reads, keepDeadLetter = false } = handler
    if (refuses && handler[refuses])
      throw new BrokenError('bad_handler', `the handler of ${handler.type} cannot have ${refuses} and an order`)
    return {
      ...handler,
      ...(ask && {
        ask: async (event, context) => ((await isWanted(event, context)) ? ask(event, context) : undefined),
      }),
      reads: (event: Received, known: Known) => [refOf(event), ...reads(event, known)],
      decide: (event, draft, context, answer) =>
        take(event, draft, context, false) ? decide(event, draft, context, answer) : [],
      ...(giveUp && {
        giveUp: (event, draft, context, failure) =>
          take(event, draft, context, keepDeadLetter) ? giveUp(event, draft, context, failure) : [],
        readsToGiveUp: (event: Received, known: Known) => [refOf(event), ...readsToGiveUp(event, known)],
      }),
    }
  }
}
