// The log of a simulated process. It writes nothing. It counts retries and reports failures to the witness.
import type { Log } from '../../runtime/log.ts'
import type { Process } from './process.ts'
import type { Tally } from './tally.ts'
import type { Witness } from './witness.ts'

export function countingLog(process: Process, tally: Tally, witness: Witness): Log {
  const silent = () => undefined
  const warn = (facts: unknown, message?: string) => {
    if (!process.isAlive()) return
    if (message === 'failed, will be tried again') {
      tally.add('retries')
      const { subject, code } = facts as { subject: string; code: string }
      witness.failed(process, subject, code)
    }
    if (message === 'the database is unavailable: consumers pause') witness.failed(process, undefined, 'outage')
  }
  const isLevelEnabled = () => true
  return { trace: silent, debug: silent, info: silent, warn, error: silent, fatal: silent, isLevelEnabled }
}
