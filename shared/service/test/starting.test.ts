// Whatever goes away while a service starts is waited for, but not for ever, and what only a human can mend is not.
import { expect, it } from 'vitest'
import { BrokenError, TransientError } from '../../runtime/errors.ts'
import { keepingLog } from '../../testing/index.ts'
import { startedDespiteOutages } from '../starting.ts'

const outage = new TransientError('database_unavailable', 'terminating connection', { isOutage: true })
const lost = new TransientError('connection_lost', 'the connection was lost in a transaction', { isInterrupted: true })

async function starting(failures: Error[]) {
  const { log, lines } = await keepingLog()
  const left = [...failures]
  let nowMs = 0
  const pause = async (ms: number) => {
    nowMs += ms
  }
  const start = async () => {
    const failure = left.shift()
    if (failure) throw failure
    return 'running'
  }
  const started = startedDespiteOutages(start, { log, clockMs: () => nowMs, pause })
  return { started: await started.catch((error: Error) => error), warned: () => lines.length, nowMs: () => nowMs }
}

it('starts anew until it can, and says each time that it could not', async () => {
  const { started, warned } = await starting([outage, lost, outage])
  expect(started).toBe('running')
  expect(warned()).toBe(3)
})

it('gives up after a minute of outages', async () => {
  const { started, nowMs } = await starting(Array.from({ length: 100 }, () => outage))
  expect(started).toBe(outage)
  expect(nowMs()).toBe(60_000)
})

it('gives up at once on what no waiting mends', async () => {
  const broken = new BrokenError('migration_changed', 'restore it')
  expect(await starting([outage, broken])).toMatchObject({ started: broken })
})
