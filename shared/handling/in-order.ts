// For the few handlers whose decisions do not commute or cannot be repeated: `inOrder` and `once` wrap what `on` gives. Whatever can
// be decided in any order, and twice, by the domain's own keys needs neither, and costs less.
import type { Received } from '../contracts/definition/contract.ts'
import { BrokenError, PermanentError } from '../runtime/errors.ts'
import { type Known, owned } from '../storage/state.ts'
import type { AskContext, Context, Handler } from './handler.ts'
import { handled, turnOf, turns } from './turns.ts'

/** Where a message stands among those of its key. */
export interface Place {
  key: string
  /** 1 for the first, 2 for the second, …: whoever says them counts them, without a gap, in the commit that decides them. */
  position: number
}

interface Terms {
  /** So long does a message wait for those before it, in milliseconds; by default a day. */
  forMs?: number
}

export const EARLY = 'early'

/** One before it has not come yet. It waits for that, and uses no attempt and no patience. */
export class EarlyError extends PermanentError {
  override name = 'EarlyError'
  readonly sequence: string
  /** The position that has to have had its turn. */
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
 * Handlers that are wrapped with the same `sequence` decide about the messages of one key in the order of their positions, each position
 * once, whatever order, repetition, crash or copy of the service brings them. `by` tells a message's place from its data.
 *
 * - One that comes early waits as a row (`GET /retries`, code `early`), without an attempt or patience, until the one before it has been
 *   handled; then it is due at once. At most 10,000 of a queue wait so, each for `forMs`; what is beyond is a dead letter, which can be
 *   sent again.
 * - One whose position has been handled is dropped: nothing is decided, whatever it says.
 * - While one is tried again, all after it wait. Once it is a dead letter they wait on, until it is sent again or their time is over.
 *   What `giveUp` decides has had its turn.
 *
 * It does not promise that positions come: a publisher that skips one stops that key, and no other. Nothing is asked outside for
 * what is early or dropped. The place is kept in the service's database under the sequence's name, for as long as that lives.
 *
 * @throws BrokenError `bad_handler` for one with `keepDeadLetter`: what it gave up has had its turn, and could not be sent again
 */
export function inOrder<Data>(
  sequence: string,
  by: (event: Received<Data>) => Place,
  { forMs = DAY_MS }: Terms = {},
): (handler: Handler) => Handler {
  function placeOf(event: Received) {
    // The cast is the decoding edge: the consumer calls a handler only with data that its contract's schema accepted.
    const { key, position } = by(event as Received<Data>)
    if (!Number.isSafeInteger(position) || position < 1)
      throw new PermanentError('bad_position', `${position} is not a position: the first is 1`)
    return { id: `${sequence} ${key}`, position }
  }

  /** Whether it is its turn; false when it has had it. */
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
 * The handler decides once for each message id, in the commit that also keeps the id: for decisions that would add up when they are
 * repeated. `purpose` tells handlers of one service apart that hear the same event. A row is kept for each message, and never removed, so
 * that one which comes again a month later finds it: where the domain has a key of its own for the decision, that is the better memory.
 *
 * A call outside (`ask`) is not made for what was handled, but may be made twice before: by a crash, or by two copies at once. What
 * `giveUp` decides counts, unless the dead letter is kept (`keepDeadLetter`) to be sent again.
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
  /** As it is committed, before anybody outside is asked. */
  isWanted(event: Received, context: AskContext): Promise<boolean>
  /** Notes that it is decided; false when nothing is. `isKept`: its dead letter may be sent again. */
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
