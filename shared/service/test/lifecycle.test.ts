// Closing: in reverse, all of it, within the deadline.
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { keepingLog } from '../../testing/index.ts'
import { createParts } from '../lifecycle.ts'

async function parts() {
  const { log, lines } = await keepingLog()
  return { parts: createParts(log), lines }
}

describe('parts', () => {
  it('are closed in reverse, each after the other', async () => {
    const { parts: opened } = await parts()
    const steps: string[] = []
    for (const name of ['database', 'broker', 'http'])
      opened.use(name, name, async (part) => {
        steps.push(`closing ${part}`)
        await new Promise((turn) => setImmediate(turn))
        steps.push(`closed ${part}`)
      })

    expect(await opened.close(60_000)).toEqual({ clean: true })

    expect(steps).toEqual([
      'closing http',
      'closed http',
      'closing broker',
      'closed broker',
      'closing database',
      'closed database',
    ])
  })

  it('come back as they were', async () => {
    const part = { name: 'database' }
    expect((await parts()).parts.use('database', part, () => undefined)).toBe(part)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('are all closed although one %s, which is told', async (_, close) => {
    const { parts: opened, lines } = await parts()
    const closed: string[] = []
    opened.use('first', 'first', (part) => void closed.push(part))
    opened.use('bad', 'bad', close)
    opened.use('last', 'last', (part) => void closed.push(part))

    expect(await opened.close(60_000)).toEqual({ clean: false })

    expect(closed).toEqual(['last', 'first'])
    expect(lines).toMatchObject([{ part: 'bad', msg: 'failed to close', err: { message: 'no' } }])
  })

  it('are all closed although one never finishes, within the deadline', async () => {
    const { parts: opened, lines } = await parts()
    const closed: string[] = []
    opened.use('first', 'first', (part) => void closed.push(part))
    opened.use('stuck', 'stuck', () => new Promise<void>(() => undefined))

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const closing = opened.close(100)
    await vi.advanceTimersByTimeAsync(100)
    expect(await closing).toEqual({ clean: false })

    expect(closed).toEqual(['first'])
    expect(lines).toMatchObject([{ part: 'stuck', msg: 'did not close in time' }])
  })

  it('have their time also when the clock is set forward meanwhile', async () => {
    const { parts: opened, lines } = await parts()
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    opened.use('slow', 'slow', () => delay(150))
    opened.use('clock', 'clock', () => void vi.setSystemTime(Date.now() + 3_600_000))

    expect(await opened.close(60_000)).toEqual({ clean: true })

    expect(lines).toEqual([])
  })

  it('are closed once, whoever asks again', async () => {
    const { parts: opened } = await parts()
    let times = 0
    opened.use('database', 'database', () => {
      times++
    })
    await Promise.all([opened.close(100), opened.close(100)])
    await opened.close(100)
    expect(times).toBe(1)
  })
})
