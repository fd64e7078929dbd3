// When a queue backs up, and when what waits in it is as it should be.
import { topology } from '@orders/shared/contracts'
import { expect, it } from 'vitest'
import { type Described, lookedAt } from '../../queues/looked.ts'
import { type Followed, followedBy } from '../../queues/samples.ts'

const NOW_MS = Date.parse('2026-11-02T03:12:00.000Z')
const calm = { messages: 5, unacknowledged: 0, consumers: 1, inPerSecond: 0, outPerSecond: 0, headAt: undefined }

/** A queue that was looked at every ten seconds for two minutes, and held as many all the time. */
function look(name: string, changes: Partial<Described> = {}, depthBefore = 5) {
  const queue = topology.queues.find((one) => one.name === name)
  if (!queue) throw new Error(`no ${name}`)
  const described: Described = { ...calm, ...changes }
  let followed: Followed | undefined
  for (let atMs = 0; atMs < 120_000; atMs += 10_000)
    followed = followedBy(followed, { depth: depthBefore, acked: 0 }, atMs)
  followed = followedBy(followed, { depth: described.messages, acked: depthBefore - 1 }, 120_000)
  const terms = { service: 'payment-service', ageMaxMs: 60_000, nowMs: NOW_MS, watchMs: 120_000 }
  const { backsUp, oldestSeconds, oldestBy, nextStep } = lookedAt(queue, described, followed, terms)
  return { backsUp, oldestSeconds, oldestBy, nextStep: nextStep !== null }
}

it.each<[why: string, found: ReturnType<typeof look>, told: object]>([
  ['nobody takes', look('payment.queue', { consumers: 0 }), { backsUp: 'no_consumer', nextStep: true }],
  ['no fewer, and old', look('payment.queue'), { backsUp: 'too_slow', oldestSeconds: 120, oldestBy: 'watched' }],
  ['old, and fewer than before', look('payment.queue', { messages: 4 }), { backsUp: null, oldestSeconds: 120 }],
  [
    'empty, without a consumer',
    look('payment.queue', { messages: 0, consumers: 0 }),
    { backsUp: null, oldestBy: null },
  ],
  ['a timer', look('payment.deadline.queue', { consumers: 0 }), { backsUp: null, oldestSeconds: null }],
  ['worth nothing later', look('payment.ops.queue', { consumers: 0 }), { backsUp: null }],
  [
    'the broker tells when its oldest was said',
    look('notification.email.queue', { headAt: NOW_MS / 1_000 - 7 }),
    { backsUp: null, oldestSeconds: 7, oldestBy: 'said' },
  ],
  ['said long ago', look('notification.email.queue', { headAt: NOW_MS / 1_000 - 61 }), { backsUp: 'too_slow' }],
])('%s', (_, found, told) => expect(found).toMatchObject(told))
