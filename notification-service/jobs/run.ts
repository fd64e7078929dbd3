// Runs jobs by the wall clock: each of their times once, by the first copy of the service that comes to it.
import { type GroupCommit, owned, type Work } from '@orders/shared/messaging'
import type { Log } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import type { Notification } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import { type Polling, startPolling } from '../polling.ts'
import type { Terms } from '../rules/settings.ts'
import { type CatchUp, type Due, dueOf } from './domain.ts'
import type { Schedule } from './schedule.ts'
import { jobRuns } from './store.ts'

export interface Job {
  name: string
  schedule: Schedule
  catchUp: CatchUp
  /**
   * Makes the notification for one of its times, from committed data. The decision that records the run takes it in.
   */
  prepare(scheduledAt: string, now: string): Promise<Notification>
}

interface Options {
  database: Reader
  commit: GroupCommit
  log: Log
  now: () => Date
  pollMs: number
  terms: Terms
}

/** If a job missed more times, the older ones are neither run nor logged nor recorded. */
const TIMES_MAX = 100
const NEVER = '9999'

/**
 * Any number of copies may run. The times of a job that are done are stored in the transaction that takes in its
 * notifications. So a second copy finds them done, and a crash leaves both or neither. A new job starts with the first
 * time after now.
 */
export function startJobs(jobs: readonly Job[], { database, commit, log, now, pollMs, terms }: Options): Polling {
  /** A job has nothing to do before this instant. */
  const nextAt = new Map<string, string>()

  async function lookAt(job: Job): Promise<void> {
    const at = now().toISOString()
    if (at < (nextAt.get(job.name) ?? '')) return
    const last = (await jobRuns.load(database, [job.name])).get(job.name)?.last
    const due = dueFrom(job, last, at)
    const notifications = await Promise.all(due.run.map((scheduledAt) => job.prepare(scheduledAt, at)))
    const isFirst = await commit.submit(saidOnce(job.name, { last, due, notifications, terms, at }))
    // The next look finds what is left for this copy.
    if (!isFirst) return
    const { run, skip, isCut } = due
    for (const scheduledAt of run) log.info({ job: job.name, scheduledAt }, 'job ran')
    if (isCut) log.warn({ job: job.name, listed: TIMES_MAX }, 'job missed more times than the log lists')
    for (const scheduledAt of skip) log.warn({ job: job.name, scheduledAt }, 'job missed its time, and is not run')
    nextAt.set(job.name, job.schedule.first(at) ?? NEVER)
  }

  return startPolling(
    'jobs',
    async () => {
      for (const job of jobs) await lookAt(job)
    },
    { pollMs, log },
  )
}

interface DueTimes extends Due {
  isCut: boolean
}

const NOTHING_DUE: DueTimes = { run: [], skip: [], isCut: false }

function dueFrom({ schedule, catchUp }: Job, last: string | undefined, at: string): DueTimes {
  if (last === undefined) return NOTHING_DUE
  const times = schedule.times(last, at, TIMES_MAX)
  return { ...dueOf(times, catchUp, at), isCut: times.length === TIMES_MAX && schedule.first(last) !== times[0] }
}

interface Prepared {
  /** The job's newest time when this was prepared. If it differs now, another copy was faster. */
  last: string | undefined
  due: DueTimes
  notifications: Notification[]
  terms: Terms
  at: string
}

/** False, with nothing changed, if another copy was faster. */
function saidOnce(job: string, { last, due, notifications, terms, at }: Prepared): Work<boolean> {
  return {
    reads: (known) => [
      owned(jobRuns, job),
      ...notifications.flatMap((notification) => readsOfTakingIn(notification, terms, known)),
    ],
    decide(draft) {
      const runs = draft.get(jobRuns, job) ?? { last: undefined, added: [] }
      if (runs.last !== last) return { result: false, messages: [] }
      const known = last === undefined ? [{ scheduledAt: at, outcome: 'known', at } as const] : []
      const skipped = due.skip.map((scheduledAt) => ({ scheduledAt, outcome: 'skipped', at }) as const)
      const ran = due.run.map((scheduledAt) => ({ scheduledAt, outcome: 'ran', at }) as const)
      const added = [...known, ...skipped, ...ran]
      if (added.length > 0)
        draft.set(jobRuns, job, { last: due.run.at(-1) ?? due.skip.at(-1) ?? at, added: [...runs.added, ...added] })
      return {
        result: true,
        messages: notifications.flatMap((notification) => takeIn(draft, notification, at, terms)),
      }
    },
  }
}
