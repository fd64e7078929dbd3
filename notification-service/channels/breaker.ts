// A circuit breaker: who does not serve is left alone for a while, then asked once, before everybody may ask again.
//
// It also opens at once when the other side says when to come back; not for longer than we are willing to wait, and asked once on
// the way, since a time that somebody else names may be wrong.
import { asError, PermanentError, TransientError } from '@orders/shared/runtime'
import { ProviderError } from './sender.ts'

export interface Breaker {
  /** For how long no call may be made; 0 when one may. */
  openForMs(): number
  isOpen(): boolean
  /**
   * Makes the call, if one may be made. What is wrong with one message says nothing about the next, so only a
   * `ProviderError`, or an error that nobody foresaw, counts.
   *
   * @throws TransientError `breaker_open` instead of calling, which costs a message no attempt for an hour `since` it was
   * to go; else what the call throws.
   */
  call<T>(since: string, work: () => Promise<T>): Promise<T>
}

export interface BreakerOptions {
  nowMs: () => number
  /** Nobody is left alone for longer, whatever they say. */
  toldMaxMs?: number
  /** Told once of each opening, with what opened it, and of each closing, without. */
  changed?: (why?: Error) => void
}

const FAILURES_MAX = 5
const OPEN_MS = 30_000
const TOLD_MAX_MS = 900_000
/** Whoever wants to be left alone for longer is asked once when half of that time is over. */
const LONG_MS = 60_000
/** How soon to come back while another message is trying whether it serves again. */
const PROBE_MS = 5_000
/** So long an outage passes without anybody's doing; what is for an endpoint that is dead for good ends after it. */
const PATIENCE_MS = 3_600_000

export function createBreaker({ nowMs, toldMaxMs = TOLD_MAX_MS, changed }: BreakerOptions): Breaker {
  let failures = 0
  /** Undefined while it is closed. */
  let opened: { untilMs: number; forMs: number; isProbedEarly: boolean } | undefined
  let isProbing = false

  /** At most as long as it was opened for: a clock that was set back would keep it open as long as it was wrong. */
  function leftMs(): number {
    if (!opened) return 0
    opened.untilMs = Math.min(opened.untilMs, nowMs() + opened.forMs)
    const untilMs = opened.forMs > LONG_MS && !opened.isProbedEarly ? opened.untilMs - opened.forMs / 2 : opened.untilMs
    return Math.max(0, untilMs - nowMs())
  }

  const openForMs = () => Math.max(leftMs(), isProbing ? PROBE_MS : 0)

  function succeeded(): void {
    failures = 0
    if (opened) changed?.()
    opened = undefined
  }

  function failed(error: unknown): void {
    failures += 1
    const toldMs = error instanceof TransientError ? error.retryAfterSeconds * 1_000 : 0
    const forMs = Math.max(Math.min(toldMs, toldMaxMs), failures >= FAILURES_MAX ? OPEN_MS : 0)
    const untilMs = nowMs() + forMs
    if (forMs === 0 || untilMs <= (opened?.untilMs ?? 0)) return
    if (!opened) changed?.(asError(error))
    opened = { untilMs, forMs, isProbedEarly: false }
  }

  return {
    openForMs,
    isOpen: () => opened !== undefined,
    async call(since, work) {
      const waitMs = openForMs()
      if (waitMs > 0)
        throw new TransientError('breaker_open', 'its last calls failed, so its circuit breaker is open', {
          retryAfterSeconds: waitMs / 1_000,
          isUntried: nowMs() - Date.parse(since) < PATIENCE_MS,
          isOutside: true,
        })
      const isProbe = opened !== undefined
      if (isProbe) isProbing = true
      if (opened) opened.isProbedEarly = true
      try {
        const result = await work()
        succeeded()
        return result
      } catch (thrown) {
        if (!isAboutTheMessage(thrown)) failed(thrown)
        throw thrown
      } finally {
        if (isProbe) isProbing = false
      }
    },
  }
}

function isAboutTheMessage(thrown: unknown): boolean {
  return thrown instanceof PermanentError || (thrown instanceof TransientError && !(thrown instanceof ProviderError))
}
