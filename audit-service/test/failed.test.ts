// Failed messages over SQLite, and how a resend goes on.
import { join } from 'node:path'
import { publishable } from '@orders/shared/messaging'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'
import { nextStepFor } from '../failed/advice.ts'
import { letterOf } from '../failed/letter.ts'
import { nextOf, type Resend } from '../failed/resending/domain.ts'
import { publicationOf } from '../failed/resending/run.ts'
import { failedSuite } from './failed-suite.ts'

failedSuite('SQLite', async () => {
  const folder = await scratchFolder()
  const path = join(folder.path, 'audit.db')
  return { database: openSqlite(path), again: () => openSqlite(path), remove: folder.remove }
})

describe('the way of a failed message', () => {
  const terms = { home: 'payment.queue' as string | undefined, isKnown: () => true, now: '2026-11-21T08:30:00.000Z' }
  const wayOf = (headers: Record<string, unknown>, { home } = terms) => {
    const body = Buffer.from('{}')
    const delivery = { body, properties: { headers }, exchange: 'dead-letter.exchange', routingKey: 'payment.queue' }
    const arrived = { ...delivery, redelivered: false }
    const { exchange, routingKey, properties } = letterOf('payment.dlq', arrived, { ...terms, home })
    return { way: [exchange, routingKey], properties }
  }
  const deaths = [
    { queue: 'payment.queue', reason: 'delivery_limit', exchange: '', 'routing-keys': ['payment.queue'] },
    { queue: 'payment.deadline.queue', reason: 'expired', exchange: 'first.exchange', 'routing-keys': ['first.key'] },
  ]

  it('is that of its publication, as the service tells that gave it up', () => {
    const told = wayOf({ 'published-to': 'order.exchange', 'published-as': 'order.created', 'x-death': deaths })
    expect(told.way).toEqual(['order.exchange', 'order.created'])
    expect(told.properties).not.toContain('published')
    expect(wayOf({ 'published-to': '', 'published-as': 'payment.queue' }).way).toEqual(['', 'payment.queue'])
  })

  it('is that of its publication, as the broker tells of the first time that it gave it up', () => {
    expect(wayOf({ 'x-death': deaths }).way).toEqual(['first.exchange', 'first.key'])
  })

  it('is how it came where nobody tells, or what is told is nonsense', () => {
    const last = ['dead-letter.exchange', 'payment.queue']
    for (const headers of [{}, { 'published-to': 7, 'x-death': 'x' }, { 'x-death': [{ 'routing-keys': 'x' }] }])
      expect(wayOf(headers).way).toEqual(last)
  })

  it('of what no binding wanted is how it came, whatever its publisher says: it is sent again by that way', () => {
    const delivery = wayOf(
      { 'published-to': 'order.exchange', 'published-as': 'order.created' },
      { ...terms, home: undefined },
    )
    expect(delivery.way).toEqual(['dead-letter.exchange', 'payment.queue'])
  })
})

it('a message with as many headers as can be carried is known again when it fails again', () => {
  const headers = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`h${index}`, 'x'.repeat(40)]))
  const way = { exchange: '', routingKey: 'payment.queue', redelivered: false }
  const terms = { home: 'payment.queue', isKnown: () => true, now: '2026-11-21T08:30:00.000Z' }
  const first = letterOf('payment.dlq', { ...way, body: Buffer.from('x'), properties: { headers } }, terms)
  const again = publicationOf(first, 'f'.repeat(32))
  const second = letterOf('payment.dlq', { ...way, ...again, properties: publishable(again.properties) }, terms)
  expect(second).toMatchObject({ sentAgainOf: first.id, afterResend: 'f'.repeat(32) })
})

const failing = { state: 'waiting' as const, service: 'payment-service', sentBy: '', cameBackAs: undefined }

it.each([
  ['invalid_data', /^The message itself is invalid/],
  ['mail_deferred', /^An outside system did not serve it/],
  ['gateway_unavailable', /^An outside system did not serve it/],
  ['mail_refused', /^An outside system refused it for good/],
  ['TypeError', /^The code of payment-service failed/],
  ['unknown_version', /^Start a version of payment-service/],
  ['database_unavailable', /^Fix the fault/],
])('the next step for %s', (code, nextStep) => {
  expect(nextStepFor({ ...failing, code })).toMatch(nextStep)
})

it.each([
  ['order-service', /^The message itself is invalid\. Change/, /^Start a version of payment-service/],
  ['', /^The message itself is invalid\. Change/, /^Start a version of payment-service/],
  [
    'till-importer',
    /: tell the owner of till-importer, which sent it\. /,
    /^till-importer, which sent it, is none of these services\. .* archive it/,
  ],
])('of what %s has sent, the next step says whom to tell', (sentBy, invalid, unknown) => {
  expect(nextStepFor({ ...failing, sentBy, code: 'invalid_data' })).toMatch(invalid)
  expect(nextStepFor({ ...failing, sentBy, code: 'unknown_type' })).toMatch(unknown)
})

describe('a resend', () => {
  const now = '2026-11-21T08:30:00.000Z'
  const later = '2026-11-21T08:30:05.000Z'
  const resend = (changes: Partial<Resend> = {}): Resend => ({
    id: 'a',
    state: 'running',
    why: null,
    total: 1_000,
    position: 0,
    stepEnd: 1,
    stepSize: 1,
    watchMs: 5_000,
    watchUntil: null,
    tolerated: 0,
    ratePerSecond: 100,
    ...changes,
  })

  it('sends one, and no more at once than its rate and its step', () => {
    expect(nextOf(resend(), 0, now)).toEqual({ do: 'send', count: 1 })
    expect(nextOf(resend({ stepEnd: 1_000 }), 0, now)).toEqual({ do: 'send', count: 50 })
    expect(nextOf(resend({ stepEnd: 1_000, ratePerSecond: 7 }), 0, now)).toEqual({ do: 'send', count: 7 })
    expect(nextOf(resend({ position: 995, stepEnd: 1_000 }), 0, now)).toEqual({ do: 'send', count: 5 })
  })

  it('waits after each step for what fails again, and then makes a step ten times as large', () => {
    const done = resend({ position: 1 })
    expect(nextOf(done, 0, now)).toEqual({ do: 'watch', until: later })
    expect(nextOf({ ...done, watchUntil: later }, 0, now)).toEqual({ do: 'watch', until: later })
    expect(nextOf({ ...done, watchUntil: later }, 0, later)).toEqual({ do: 'step', stepEnd: 11, stepSize: 10 })
    const last = resend({ position: 999, stepEnd: 999, stepSize: 100, watchMs: 0 })
    expect(nextOf(last, 0, now)).toEqual({ do: 'step', stepEnd: 1_000, stepSize: 1_000 })
    expect(nextOf({ ...last, position: 1_000 }, 0, now)).toEqual({ do: 'finish' })
  })

  it('stops when one fails again, at whatever it is, but for what was known when it was resumed', () => {
    const stop = { do: 'stop', why: '2 of the messages sent failed again' }
    for (const moment of [resend(), resend({ position: 1 }), resend({ position: 1, watchUntil: later })])
      expect(nextOf(moment, 2, now)).toEqual(stop)
    expect(nextOf(resend({ tolerated: 3 }), 5, now)).toEqual(stop)
    expect(nextOf(resend({ tolerated: 5 }), 5, now)).toEqual({ do: 'send', count: 1 })
  })
})
