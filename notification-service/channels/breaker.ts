// A circuit breaker: who does not serve is left alone for a while, then asked once, before everybody may ask again.
//
// It also opens at once, and for as long as it was told, when the other side says when to come back.
import { PermanentError, TransientError } from '@orders/shared/runtime'
import { ProviderError } from './sender.ts'

export interface Breaker {
  /** For how long no call may be made; 0 when one may. */
  openForMs(): number
  /**
   * Makes the call, if one may be made. What is wrong with one message says nothing about the next, so only a
   * `ProviderError`, or an error that nobody foresaw, counts.
   *
   * @throws TransientError `breaker_open` instead of calling, which costs a message no attempt for an hour `since` it was
   * to go; else what the call throws.
   */
  call<T>(since: string, work: () => Promise<T>): Promise<T>
}

const FAILURES_MAX = 5
const OPEN_MS = 30_000
/** How soon to come back while another message is trying whether it serves again. */
const PROBE_MS = 5_000
/** So long an outage passes without anybody's doing; what is for an endpoint that is dead for good ends after it. */
const PATIENCE_MS = 3_600_000

export function createBreaker(nowMs: () => number): Breaker {
  let failures = 0
  let openUntilMs = 0
  let openedForMs = 0
  let isProbing = false

  const openForMs = () => Math.max(leftMs(), isProbing ? PROBE_MS : 0, 0)

  /** From now on at most as long as it was opened for: a clock that was set back would keep it open as long as it was wrong. */
  function leftMs(): number {
    openUntilMs = Math.min(openUntilMs, nowMs() + openedForMs)
    return openUntilMs - nowMs()
  }

  function failed(error: unknown): void {
    failures += 1
    const toldMs = error instanceof TransientError ? error.retryAfterSeconds * 1_000 : 0
    const waitMs = Math.max(toldMs, failures >= FAILURES_MAX ? OPEN_MS : 0)
    if (waitMs <= leftMs()) return
    openUntilMs = nowMs() + waitMs
    openedForMs = waitMs
  }

  return {
    openForMs,
    async call(since, work) {
      const waitMs = openForMs()
      if (waitMs > 0)
        throw new TransientError('breaker_open', 'its last calls were not served, so it is left alone for a while', {
          retryAfterSeconds: waitMs / 1_000,
          isUntried: nowMs() - Date.parse(since) < PATIENCE_MS,
          isOutside: true,
        })
      const isProbe = failures >= FAILURES_MAX
      if (isProbe) isProbing = true
      try {
        const result = await work()
        failures = 0
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
