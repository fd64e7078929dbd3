// Turns of a channel that may only send so much, and claims of a copy that died, beside many calls.
import type { Draft, Work } from '@orders/shared/messaging'
import { expect, it } from 'vitest'
import { CLAIM_MS, callsIn } from '../channels/calls.ts'
import { turnOf } from '../channels/pace.ts'
import type { Outgoing, Telling } from '../deliveries/domain.ts'
import { newsWords } from '../orders/words.ts'
import { set, style } from './templates.ts'

const at = '2026-11-21T08:30:00.000Z'
const words = newsWords('order.paid', '1', { user: 'ann', priority: 'standard' }, style)
const rest = { orderId: null, eventType: 'direct', category: 'direct', priority: 5, customerId: null, sendAt: null }

/** Notifications come to be when they are asked for. */
function memory() {
  const kept = new Map<string, unknown>()
  const telling = (id: string): Telling => ({
    notification: { id, subject: id, ...rest, expiresAt: null, addresses: { email: 'a@b.test' }, words, createdAt: at },
    standings: {},
    failures: [],
  })
  const draft: Draft = {
    // The cast is that of the cells, whose types meet again in `get` and `set`.
    get: <V>(state: { name: string }, key: string) =>
      (kept.get(`${state.name} ${key}`) ?? (state.name === 'notifications' ? telling(key) : undefined)) as
        | V
        | undefined,
    set: (state, key, value) => void kept.set(`${state.name} ${key}`, value),
  }
  return { submit: async <T>(work: Work<T>) => work.decide(draft).result }
}

const outgoing = (notificationId: string): Outgoing => ({
  notificationId,
  eventType: 'direct',
  orderId: null,
  channel: 'email',
  address: 'a@b.test',
  content: set.render(words),
  createdAt: at,
})
const call = { provider: 'smtp', at }
const codeOf = (error: Error & { code?: string }) => error.code

it('the claim of a copy that died is taken over after its time, however many calls there are beside it', async () => {
  const clock = { ms: 0 }
  const commit = memory()
  await callsIn(commit).begin(outgoing('dead'), call)
  const living = callsIn(commit, { clockMs: () => clock.ms })
  expect(await living.begin(outgoing('dead'), call).catch(codeOf)).toBe('sending_elsewhere')
  for (let second = 1; second <= CLAIM_MS / 1_000; second++) {
    clock.ms = second * 1_000 - 1
    for (let number = 0; number < 500; number++) await living.begin(outgoing(`${second}.${number}`), call)
    expect(await living.begin(outgoing('dead'), call).catch(codeOf)).toBe('sending_elsewhere')
  }
  clock.ms = CLAIM_MS
  expect(await living.begin(outgoing('dead'), call)).toEqual(expect.any(String))
})

it('each message has a turn of its own, by all copies together, and keeps it', async () => {
  const clock = { ms: Date.parse(at) }
  const commit = memory()
  const options = { now: () => new Date(clock.ms), perSecond: { email: 0.2 } }
  const copies = [callsIn(commit, options), callsIn(commit, options)] as const
  const begun = async (number: number, id: string) =>
    copies[number % 2]?.begin(outgoing(id), call).then(
      () => 'goes',
      (error: Error & { retryAfterSeconds?: number }) => error.retryAfterSeconds,
    )
  expect([await begun(0, 'a'), await begun(1, 'b'), await begun(0, 'c')]).toEqual(['goes', 5, 10])
  clock.ms += 5_000
  expect([await begun(0, 'c'), await begun(0, 'b'), await begun(1, 'd')]).toEqual([5, 'goes', 10])
  clock.ms += 60_000
  expect([await begun(0, 'd'), await begun(0, 'c'), await begun(1, 'e')]).toEqual(['goes', 'goes', 'goes'])
})

it('an idle time gives nobody more turns afterwards', () => {
  expect(turnOf(null, 1_000, 9_000, 2)).toEqual({ atMs: 9_000, nextMs: 9_500 })
  expect(turnOf(null, 9_500, 9_000, 2)).toEqual({ atMs: 9_500, nextMs: 10_000 })
})
