// A circuit breaker with a bulkhead. If an outside system fails, no call is made for a while; then one test call decides
// whether all may call again. The bulkhead limits parallel calls. (Nygard, "Release It!": Circuit Breaker, Bulkhead.)
import { isOutside, TransientError } from './errors.ts'
import type { Log } from './log.ts'

export interface Breaker {
  readonly name: string
  /** False if a call may be made. */
  isOpen(): boolean
  state(): 'closed' | 'open' | 'half_open'
  /**
   * Makes the call if allowed. Only failures that the port declares as the outside system's own are counted.
   *
   * @throws TransientError `breaker_open` or `calls_full`, which cost a message no attempt; otherwise what the call throws
   */
  call<T>(work: () => Promise<T>): Promise<T>
}

/** A breaker as shown by metrics. */
export type WatchedBreaker = { name: string; state(): 'closed' | 'open' | 'half_open' }

interface Options {
  name: string
  /** This many failures in a row open it. */
  failuresMax?: number
  /** How long it stays open before one test call; longer if the outside system asked for it. */
  openMs?: number
  callsMax?: number
  /** Called at each opening and closing. */
  changed?: (state: 'open' | 'closed', why: string) => void
  /** A monotonic clock. */
  clockMs?: () => number
}

/** Limit for the time that an outside system asks for. */
const TOLD_MAX_MS = 300_000

export function createBreaker(options: Options): Breaker {
  const { name, failuresMax = 10, openMs = 5_000, callsMax = 64, changed, clockMs = () => performance.now() } = options
  let failures = 0
  let openedAtMs: number | undefined
  /** How long it stays open; the outside system may have asked for longer. */
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

/** A breaker that logs each opening and closing once. */
export function breakerFor(name: string, callsMax: number, { log }: { log: Log }): Breaker {
  const changed: Options['changed'] = (state, why) =>
    state === 'open'
      ? log.warn({ breaker: name, why }, 'not called for a while: its circuit breaker is open')
      : log.info({ breaker: name }, why)
  return createBreaker({ name, callsMax, changed })
}
