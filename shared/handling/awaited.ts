// Recognises deliveries that must wait before an attempt: for a newer version, for a key, or for their turn. Pure.
import type { Registry } from '../contracts/definition/registry.ts'
import { UnknownContractError } from '../messaging/envelope.ts'
import { MissingKeyError } from '../personal/messages.ts'
import { EarlyError } from './in-order.ts'

export interface Awaited {
  waitsFor: string
  /** How long it waits, in milliseconds, before it becomes a dead letter. */
  forMs: number
  /** Whether the number of waiting deliveries is limited. */
  isBounded: boolean
  /**
   * For a key: the commit that brings it releases the waiting rows. It can miss a row that another copy writes at that moment,
   * so rows also become due after this many milliseconds.
   */
  lookMs?: number
  turn?: EarlyError
  says: string
  level: 'warn' | 'debug'
}

const WEEK_MS = 7 * 86_400_000
const KEY_LOOK_MS = 5_000

/** Returns undefined if waiting cannot help. */
export function awaitedBy(error: Error, { sources }: Pick<Registry, 'sources'>): Awaited | undefined {
  if (error instanceof UnknownContractError && sources.has(error.source))
    return {
      ...{ waitsFor: error.dataschema, forMs: WEEK_MS, isBounded: true },
      ...{ says: 'kept for a version that knows it', level: 'warn' },
    }
  if (error instanceof MissingKeyError)
    return {
      ...{ waitsFor: error.waitsFor, forMs: WEEK_MS, isBounded: false, lookMs: KEY_LOOK_MS },
      ...{ says: 'kept until its key arrives', level: 'debug' },
    }
  if (error instanceof EarlyError)
    return {
      ...{ waitsFor: error.waitsFor, forMs: error.forMs, isBounded: true, turn: error },
      ...{ says: 'kept until it is its turn', level: 'debug' },
    }
  return undefined
}
