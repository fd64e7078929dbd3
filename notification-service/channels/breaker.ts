// A circuit breaker. After repeated failures it allows no calls for a while, then one call as a probe, then all.
//
// It also opens at once if the other side says when to come back, up to a limit. Such a time may be wrong, so one probe
// is made halfway.
import { asError, PermanentError, TransientError } from '@orders/shared/runtime'
import { ProviderError } from './sender.ts'

export interface Breaker {
  /** For how many milliseconds no call may be made; 0 if one may be made. */
  openForMs(): number
  isOpen(): boolean
  /**
   * Makes the call, if the breaker allows it. Only a `ProviderError` or an unforeseen error counts as a failure: any
   * other error concerns one message only.
   *
   * @throws TransientError `breaker_open` if no call is allowed. It costs the message no attempt within an hour after
   * `since`, the time at which the message was to go. Otherwise throws the call's error.
   */
  call<T>(since: string, work: () => Promise<T>): Promise<T>
}

export interface BreakerOptions {
  nowMs: () => number
  /** Upper limit for a time that the other side names. */
  toldMaxMs?: number
  /** Called once for each opening, with its cause, and once for each closing, without one. */
  changed?: (why?: Error) => void
}

const FAILURES_MAX = 5
const OPEN_MS = 30_000
const TOLD_MAX_MS = 900_000
/** A longer opening gets one probe when half of it is over. */
const LONG_MS = 60_000
/** When to come back while another message is the probe. */
const PROBE_MS = 5_000
/**
 * An outage up to this long costs no attempts. After it they count, so that a message to a dead endpoint is given up.
 */
const PATIENCE_MS = 3_600_000

export function createBreaker({ nowMs, toldMaxMs = TOLD_MAX_MS, changed }: BreakerOptions): Breaker {
  let failures = 0
  /** Undefined while it is closed. */
  let opened: { untilMs: number; forMs: number; isProbedEarly: boolean } | undefined
  let isProbing = false

  /**
   * Limited to the length of the opening. Otherwise a clock that was set back would keep it open for as long as the
   * clock is wrong.
   */
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
