// A circuit breaker with a bulkhead: an outside system that does not serve is left alone for a while and then asked once
// before all may ask again; and never more than so many ask at one time. (Nygard, "Release It!": Circuit Breaker, Bulkhead.)
import { isOutside, TransientError } from './errors.ts'
import type { Log } from './log.ts'

export interface Breaker {
  readonly name: string
  /** False when a call may be made. */
  isOpen(): boolean
  state(): 'closed' | 'open' | 'half_open'
  /**
   * Makes the call, if one may be made. Only what the port declares as the outside system's own failure counts.
   *
   * @throws TransientError `breaker_open` or `calls_full`, which cost a message no attempt; else what the call throws
   */
  call<T>(work: () => Promise<T>): Promise<T>
}

/** What is shown of a breaker as a metric. */
export type WatchedBreaker = { name: string; state(): 'closed' | 'open' | 'half_open' }

interface Options {
  name: string
  /** Failures in a row that open it. */
  failuresMax?: number
  /** How long it is left alone before one call is let through; longer when it has said so. */
  openMs?: number
  callsMax?: number
  /** Told of each opening and closing. */
  changed?: (state: 'open' | 'closed', why: string) => void
  /** A monotonic clock. */
  clockMs?: () => number
}

/** Whoever asks to be left alone for longer is asked by one call after this. */
const TOLD_MAX_MS = 300_000

export function createBreaker(options: Options): Breaker {
  const { name, failuresMax = 10, openMs = 5_000, callsMax = 64, changed, clockMs = () => performance.now() } = options
  let failures = 0
  let openedAtMs: number | undefined
  /** For how long; the outside system may have said so. */
  let leftAloneMs = openMs
  let isProbing = false
  let underWay = 0

  function state(): ReturnType<Breaker['state']> {
    if (openedAtMs === undefined) return 'closed'
    return clockMs() - openedAtMs < leftAloneMs ? 'open' : 'half_open'
  }

  const isOpen = () => state() === 'open' || (state() === 'half_open' && isProbing)

  function succeeded(): void {
    failures = 0
    if (openedAtMs !== undefined) changed?.('closed', 'it works again: its circuit breaker is closed')
    openedAtMs = undefined
  }

  function failed(error: unknown): void {
    if (!isOutside(error)) return
    failures += 1
    if (failures < failuresMax && openedAtMs === undefined) return
    if (openedAtMs === undefined) changed?.('open', error instanceof Error ? error.message : String(error))
    openedAtMs = clockMs()
    const toldMs = error instanceof TransientError ? error.retryAfterSeconds * 1_000 : 0
    leftAloneMs = Math.max(openMs, Math.min(toldMs, TOLD_MAX_MS))
  }

  return {
    name,
    isOpen,
    state,
    async call(work) {
      if (isOpen())
        throw new TransientError('breaker_open', `${name} is not called for a while: its circuit breaker is open`, {
          isUntried: true,
          isOutside: true,
          retryAfterSeconds: openMs / 1_000,
        })
      if (underWay >= callsMax)
        throw new TransientError('calls_full', `${callsMax} calls to ${name} are in progress`, { isUntried: true })
      const isProbe = state() === 'half_open'
      isProbing ||= isProbe
      underWay += 1
      try {
        const result = await work()
        succeeded()
        return result
      } catch (error) {
        failed(error)
        throw error
      } finally {
        underWay -= 1
        if (isProbe) isProbing = false
      }
    },
  }
}

/** One whose opening and closing a service's log tells, once each. */
export function breakerFor(name: string, callsMax: number, { log }: { log: Log }): Breaker {
  const changed: Options['changed'] = (state, why) =>
    state === 'open'
      ? log.warn({ breaker: name, why }, 'not called for a while: its circuit breaker is open')
      : log.info({ breaker: name }, why)
  return createBreaker({ name, callsMax, changed })
}
