// What no attempt is made of yet, since it waits for something of ours: a version that knows it, a key, or its turn. Pure.
import type { Registry } from '../contracts/definition/registry.ts'
import { UnknownContractError } from '../messaging/envelope.ts'
import { MissingKeyError } from '../personal/messages.ts'
import { EarlyError } from './in-order.ts'

export interface Awaited {
  waitsFor: string
  /** Then it is a dead letter. */
  forMs: number
  /** Whether as many as like may wait. */
  isBounded: boolean
  /** It may come in any commit: whoever brings it releases what waits, and what another copy brings at that very moment is looked for so often. */
  lookMs?: number
  turn?: EarlyError
  says: string
  level: 'warn' | 'debug'
}

const WEEK_MS = 7 * 86_400_000
const KEY_LOOK_MS = 5_000

/** Undefined for a failure that no waiting mends. */
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
