// Checks the log again and again, a few blocks at a time, and raises the alarm if it is not what was signed.
import { type Log, lookEvery } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import type { Alarm } from '../proof/alarm.ts'
import type { Verifier } from '../proof/note.ts'
import type { Outside } from '../proof/outside.ts'
import { beginWalk, type Walk, walkOn } from './store.ts'

interface Options {
  database: Reader
  verifier: Verifier
  outside: Outside
  alarm: Alarm
  log: Log
  everyMs: number
}

/** The caller closes it. */
export function watchLog({ database, verifier, outside, alarm, log, everyMs }: Options) {
  let walk: Walk | undefined

  async function look(): Promise<void> {
    walk ??= await beginWalk(database, { verifier, signed: await outside.newest() })
    if (!walk.isDone) walk = await walkOn(database, walk)
    if (!walk.isDone) return
    if (!walk.verdict.ok) alarm.raise(walk.verdict)
    walk = undefined
  }

  return lookEvery(everyMs, look, (error) => log.warn({ err: error }, 'the audit log cannot be checked'))
}
