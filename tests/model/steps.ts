// One step of one service: what it makes of a message, an answer, a wish or a look, tried on what it knows by then.
import { type Draft, type Handler, lockKeyOf, type Message, type Received } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Memory, Participant, Wish } from './choreography.ts'
import { LATE, NOW } from './people.ts'

export interface Stepped {
  memory: Memory
  says: Message[]
  /** It could not decide: the message would end as a dead letter. */
  fault?: Error
}

/** Runs a decision on a draft over `memory`. A refusal changes nothing. */
export function stepped(memory: Memory, decide: (draft: Draft) => Message[]): Stepped {
  const changes: Record<string, unknown> = {}
  const draft: Draft = {
    get: (state, key) => ({ ...memory, ...changes })[lockKeyOf(state as never, key)] as never,
    set(state, key, value) {
      changes[lockKeyOf(state as never, key)] = value
    },
  }
  try {
    const says = decide(draft)
    return { memory: { ...memory, ...changes }, says }
  } catch (thrown) {
    if (thrown instanceof RejectedError) return { memory, says: [] }
    return { memory, says: [], fault: thrown as Error }
  }
}

/** A timer is heard late enough. */
const contextFor = (isTimer: boolean) => ({ now: isTimer ? LATE : NOW, attempt: 1, redelivered: true, waitedMs: 0 })

export function hear(
  handler: Handler,
  event: Received,
  memory: Memory,
  { isTimer = false, answer = undefined as unknown },
) {
  return stepped(memory, (draft) => handler.decide(event, draft, contextFor(isTimer), answer))
}

export function giveUp(handler: Handler, event: Received, memory: Memory) {
  const failure = { error: new Error('the other side does not answer'), reason: 'unavailable' }
  return stepped(memory, (draft) => handler.giveUp?.(event, draft, contextFor(false), failure) ?? [])
}

export function wish({ work }: Wish, memory: Memory) {
  return stepped(memory, (draft) => work.decide(draft).messages)
}

export function look(timers: Participant['looks'][number], subject: string, memory: Memory) {
  return stepped(memory, (draft) => timers.work(subject, LATE).decide(draft).messages)
}

/** Asks the outside, reading what is known. */
export function ask(handler: Handler, event: Received, memory: Memory): Promise<unknown> {
  const read = async (state: { name: string }, key: string) => memory[lockKeyOf(state as never, key)] as never
  const context = { ...contextFor(false), read, signal: new AbortController().signal }
  return handler.ask?.(event, context as never) ?? Promise.resolve(undefined)
}

/** The same for what differs in nothing that anybody decides by: instants, and how often it was changed. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'version') return undefined
    if (typeof inner === 'string') return inner.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T')
    if (Array.isArray(inner)) return inner.map((one) => canonical(one)).sort()
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
