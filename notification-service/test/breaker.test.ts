// When a breaker opens, for how long, what it lets through meanwhile; and that endpoints do not share one.
import { deferred, PermanentError, TransientError } from '@orders/shared/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Breaker, createBreaker } from '../channels/breaker.ts'
import { CALLS_PER_ENDPOINT_MAX, perEndpoint } from '../channels/endpoints.ts'
import { ProviderError, type Sending } from '../channels/sender.ts'
import type { Outgoing } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { set, style } from './templates.ts'

let nowMs = 0
/** When the message was requested. */
let since = ''
let breaker: Breaker
let changes: string[]
beforeEach(() => {
  nowMs = Date.parse('2026-11-21T08:30:00.000Z')
  since = new Date(nowMs).toISOString()
  breaker = createBreaker({ nowMs: () => nowMs, changed: (why) => void changes.push(why?.message ?? 'closed') })
  changes = []
})

const down = (retryAfterSeconds = 0) => new ProviderError('down', 'no', { outcome: 'refused', retryAfterSeconds })
const fail = (error: Error = down()) =>
  breaker.call(since, () => Promise.reject(error)).catch((thrown: Error & { code?: string }) => thrown.code)
const succeed = () => breaker.call(since, async () => 'done').catch((thrown: Error & { code?: string }) => thrown.code)
const failing = async (times: number, error?: Error) => {
  for (let time = 0; time < times; time++) await fail(error)
}

describe('a breaker', () => {
  it('is open no longer than it was to be, though the clock is set back by an hour meanwhile', async () => {
    await failing(5)
    nowMs -= 3_600_000
    expect(breaker.openForMs()).toBe(30_000)
    nowMs += 29_999
    expect(await succeed()).toBe('breaker_open')
    nowMs += 1
    expect(await succeed()).toBe('done')
  })

  it('opens after five failures in a row, and tells how long to wait', async () => {
    await failing(4)
    expect(await succeed()).toBe('done')
    await failing(5)
    await expect(breaker.call(since, async () => 'done')).rejects.toMatchObject({
      code: 'breaker_open',
      retryAfterSeconds: 30,
      isUntried: true,
    })
  })

  it('lets one try when its time is over, closes when that is served and opens again when it is not', async () => {
    await failing(5)
    nowMs += 29_999
    expect(await succeed()).toBe('breaker_open')
    nowMs += 1
    const probe = deferred<string>()
    const probing = breaker.call(since, () => probe.promise)
    expect(await succeed()).toBe('breaker_open')
    probe.reject(down())
    await expect(probing).rejects.toThrow()
    expect(await succeed()).toBe('breaker_open')
    nowMs += 30_000
    expect([await succeed(), await succeed()]).toEqual(['done', 'done'])
    await failing(4)
    expect(await succeed()).toBe('done')
  })

  it('costs a message no attempt for an hour, and then does, so that nothing waits for ever', async () => {
    await failing(5)
    since = new Date(nowMs - 3_599_999).toISOString()
    await expect(breaker.call(since, async () => 'done')).rejects.toMatchObject({ isUntried: true })
    since = new Date(nowMs - 3_600_000).toISOString()
    await expect(breaker.call(since, async () => 'done')).rejects.toMatchObject({ isUntried: false })
  })

  it('opens at once for as long as the other side says', async () => {
    await fail(down(60))
    nowMs += 59_999
    expect(await succeed()).toBe('breaker_open')
    nowMs += 1
    expect(await succeed()).toBe('done')
  })

  it('believes nobody who wants to be left alone for a year, and asks once when half of the time is over', async () => {
    await fail(down(31_536_000))
    expect(breaker.openForMs()).toBe(450_000)
    nowMs += 450_000
    await fail()
    expect(await succeed()).toBe('breaker_open')
    nowMs += 449_999
    expect(await succeed()).toBe('breaker_open')
    nowMs += 1
    const probe = deferred<string>()
    const probing = breaker.call(since, () => probe.promise)
    expect(await succeed()).toBe('breaker_open')
    probe.resolve('done')
    await probing
    expect(await succeed()).toBe('done')
  })

  it('tells once that it opened and why, and once that it closed', async () => {
    await failing(7)
    nowMs += 30_000
    await fail()
    expect([changes, breaker.isOpen()]).toEqual([['no'], true])
    nowMs += 30_000
    await succeed()
    await succeed()
    expect([changes, breaker.isOpen()]).toEqual([['no', 'closed'], false])
  })

  it.each([new PermanentError('no', 'never'), new TransientError('later', 'this one')])(
    'is not opened by %s, which is about one message',
    async (error) => {
      await failing(50, error)
      expect(await succeed()).toBe('done')
    },
  )

  it('is opened by errors that nobody foresaw', async () => {
    await failing(5, new TypeError('?'))
    expect(await succeed()).toBe('breaker_open')
  })
})

describe('endpoints', () => {
  const to = (address: string): Outgoing => ({
    notificationId: 'n',
    eventType: 'direct',
    orderId: null,
    channel: 'webhook',
    address,
    content: set.render(newsWords('order.paid', '1', { user: 'ann', priority: 'standard' }, style)),
    createdAt: '2026-11-21T08:30:00.000Z',
  })
  const context = { now: '2026-11-21T08:30:00.000Z', attempt: 1, signal: new AbortController().signal }
  const sent: Sending = { provider: 'webhook', providerId: 'n', durationMs: 1 }
  const addressOf = ({ address }: Outgoing) => address
  const code = (error: Error & { code?: string }) => error.code

  it('have a breaker each', async () => {
    const { send } = perEndpoint(addressOf, { nowMs: () => nowMs }, async ({ address }) => {
      if (address === 'dead') throw down()
      return sent
    })
    for (let time = 0; time < 5; time++) await send(to('dead'), context).catch(code)
    expect(await send(to('dead'), context).catch(code)).toBe('breaker_open')
    expect(await send(to('alive'), context)).toEqual(sent)
  })

  it('that are silent hold a few calls, and the others go on', async () => {
    const gate = deferred<Sending>()
    const { send } = perEndpoint(addressOf, { nowMs: () => nowMs }, ({ address }) =>
      address === 'silent' ? gate.promise : Promise.resolve(sent),
    )
    const held = Array.from({ length: CALLS_PER_ENDPOINT_MAX }, () => send(to('silent'), context))
    await expect(send(to('silent'), context)).rejects.toMatchObject({ code: 'endpoint_busy', isUntried: true })
    expect(await send(to('alive'), context)).toEqual(sent)
    gate.resolve(sent)
    await Promise.all(held)
    expect(await send(to('silent'), context)).toEqual(sent)
  })

  it('are remembered up to a limit, the oldest forgotten first', async () => {
    let isDown = true
    const { send } = perEndpoint(addressOf, { nowMs: () => nowMs }, async () => {
      if (isDown) throw down()
      return sent
    })
    for (let time = 0; time < 5; time++) await send(to('dead'), context).catch(code)
    isDown = false
    for (let other = 0; other < 999; other++) await send(to(`other${other}`), context)
    expect(await send(to('dead'), context).catch(code)).toBe('breaker_open')
    for (let other = 0; other < 1_000; other++) await send(to(`more${other}`), context)
    expect(await send(to('dead'), context)).toEqual(sent)
  })
})
