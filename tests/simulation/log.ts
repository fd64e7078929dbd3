// The log of a simulated process: nothing is written; what is tried again is counted.
import type { Log } from '@orders/shared/runtime'
import type { Process } from './process.ts'
import type { Tally } from './tally.ts'

export function countingLog(process: Process, tally: Tally): Log {
  const silent = () => undefined
  const warn = (_: unknown, message?: string) => {
    if (process.isAlive() && message === 'failed, will be tried again') tally.add('retries')
  }
  const isLevelEnabled = () => true
  return { trace: silent, debug: silent, info: silent, warn, error: silent, fatal: silent, isLevelEnabled }
}
