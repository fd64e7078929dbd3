// The operator's daily mail: the statuses of the last day's notifications.
import type { Reader } from '@orders/shared/storage'
import { directNotification } from '../intake/domain.ts'
import type { Terms } from '../rules/settings.ts'
import type { CatchUp } from './domain.ts'
import type { Job } from './run.ts'
import { scheduleOf } from './schedule.ts'
import { type Count, countsSince } from './store.ts'

interface Settings {
  summaryTo?: string
  summaryCron: string
  summaryTimeZone: string
  summaryCatchUp: CatchUp
}

const DAY_MS = 86_400_000

/** Empty if no address is configured. */
export function summaryJob(settings: Settings, terms: Terms, database: Reader): Job[] {
  const { summaryTo: email, summaryCron, summaryTimeZone, summaryCatchUp: catchUp } = settings
  if (email === undefined) return []
  const schedule = scheduleOf('SUMMARY_CRON', summaryCron, summaryTimeZone)
  return [
    {
      name: 'summary',
      schedule,
      catchUp,
      async prepare(scheduledAt, now) {
        const since = new Date(Date.parse(scheduledAt) - DAY_MS).toISOString()
        const wanted = {
          subject: `Notifications until ${scheduledAt}`,
          body: bodyOf(await countsSince(database, since), since),
        }
        const request = { to: { email }, wanted, locale: undefined, priority: 'bulk', category: 'summary' } as const
        const id = `summary.${scheduledAt.replaceAll(':', '-')}`
        return directNotification(id, request, undefined, terms.style, now)
      },
    },
  ]
}

function bodyOf(counts: readonly Count[], since: string): string {
  const lines = counts.map(({ status, channel, count }) => `${channel}: ${count} ${status}`)
  return [`Since ${since}:`, lines.length === 0 ? 'nothing.' : lines.join('\n')].join('\n\n')
}
