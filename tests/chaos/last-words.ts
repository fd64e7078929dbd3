// What a process said before it ended by itself: a fatal line of its service's log explains one end, and no second.
import type { LogLine, ServiceName } from '../support/system.ts'

/** Of pino's levels. */
const FATAL = 60

/** Gives, at each end, the first fatal line of the service that explains no earlier one, as JSON. */
export function lastWordsIn(
  log: (service: ServiceName) => Promise<LogLine[]>,
): (service: ServiceName) => Promise<string | undefined> {
  const explained = new Map<ServiceName, number>()
  return async (service) => {
    const fatal = (await log(service)).filter(({ level }) => level >= FATAL)
    const heard = explained.get(service) ?? 0
    explained.set(service, Math.min(heard + 1, fatal.length))
    return fatal[heard] && JSON.stringify(fatal[heard])
  }
}
