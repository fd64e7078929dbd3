// Runs jobs by the wall clock: each of their times once, by whichever copy of the service comes first.
import type { Message } from '@orders/shared/contracts'
import type { GroupCommit } from '@orders/shared/messaging'
import type { Log } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { type Polling, startPolling } from '../polling.ts'
import { type CatchUp, dueOf } from './domain.ts'
import type { Schedule } from './schedule.ts'
import { lastTimeOf, saveRun } from './store.ts'

export interface Job {
  name: string
  schedule: Schedule
  catchUp: CatchUp
  /** Decides, saves and returns what is to be published, in the transaction that says that it ran. */
  run(tx: Sql, scheduledAt: string, now: string): Promise<Message[]>
}

interface Options {
  commit: GroupCommit
  log: Log
  now: () => Date
  pollMs: number
}

/** Of a job that was due more often while nobody ran, the older times are left out unlisted. */
const TIMES_MAX = 100
const NEVER = '9999'

/**
 * Any number of copies may run. What a job has done is known by its times, saved with what it says: a copy that comes
 * second finds them, and a crash leaves either both or nothing. A job that is new begins now.
 */
export function startJobs(jobs: readonly Job[], { commit, log, now, pollMs }: Options): Polling {
  /** Before this instant, a job has nothing to do. */
  const nextAt = new Map<string, string>()

  async function lookAt(job: Job): Promise<void> {
    const at = now().toISOString()
    if (at < (nextAt.get(job.name) ?? '')) return
    const { run, skip, isCut } = await commit.submit((tx) => runDue(tx, job, at), { keys: [`job ${job.name}`] })
    for (const scheduledAt of run) log.info({ job: job.name, scheduledAt }, 'job ran')
    if (isCut) log.warn({ job: job.name, listed: TIMES_MAX }, 'job missed more times than are listed')
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

async function runDue(tx: Sql, { name: job, schedule, catchUp, run }: Job, at: string) {
  const last = await lastTimeOf(tx, job)
  if (last === undefined) await saveRun(tx, { job, scheduledAt: at, outcome: 'known', at })
  const times = last === undefined ? [] : schedule.times(last, at, TIMES_MAX)
  const isCut = last !== undefined && times.length === TIMES_MAX && schedule.first(last) !== times[0]
  const due = dueOf(times, catchUp, at)
  const messages: Message[] = []
  for (const scheduledAt of due.skip) await saveRun(tx, { job, scheduledAt, outcome: 'skipped', at })
  for (const scheduledAt of due.run) {
    await saveRun(tx, { job, scheduledAt, outcome: 'ran', at })
    messages.push(...(await run(tx, scheduledAt, at)))
  }
  return { result: { ...due, isCut }, messages }
}
