// SMS and push are stood in for by lines of a log: these are the providers' own record of what they took.
import type { Accepted } from './oracle/snapshot.ts'

interface Line {
  msg?: unknown
  notificationId?: unknown
  channel?: unknown
}

const TAKEN = 'not sent: this channel has no provider'
/** In the words of the last release, of which nothing else is expected. */
const TAKEN_BY_RELEASE = 'told'

/** `released`: the services of which a process ran as the last release. */
export function takenByStandIns(lines: readonly Line[], released: readonly string[]): Accepted[] {
  const words = released.includes('notification') ? [TAKEN, TAKEN_BY_RELEASE] : [TAKEN]
  return lines
    .filter(({ msg }) => words.some((one) => one === msg))
    .map(({ notificationId, channel }) => ({ id: `${notificationId}.${channel}`, atMs: null, told: true }))
}
