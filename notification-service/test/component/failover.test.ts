// Two providers, real servers both: the second takes over, and never sends what the first may have taken.
import { join } from 'node:path'
import type { Work } from '@orders/shared/messaging'
import { TransientError } from '@orders/shared/runtime'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBreaker } from '../../channels/breaker.ts'
import { type Calls, callsIn } from '../../channels/calls.ts'
import { openSmtp } from '../../channels/email.ts'
import { inTurn } from '../../channels/failover.ts'
import type { Send, Sender } from '../../channels/sender.ts'
import { openTwilio } from '../../channels/twilio.ts'
import { type Attempt, type Call, type Outgoing, standingOf } from '../../deliveries/domain.ts'
import { notificationOf } from '../../orders/domain.ts'
import { newsWords } from '../../orders/words.ts'
import { findTelling, tellings } from '../../store.ts'
import { type MailServer, startMailServer } from '../mail-server.ts'
import { type Answering, type Asked, type Stub, startStub } from '../stub.ts'
import { set, style } from '../templates.ts'

const UNKNOWN_MS = 900_000
let nowMs: number
const now = () => new Date(nowMs)
let scratch: Awaited<ReturnType<typeof scratchFolder>>
let database: Database
let failed: Attempt[]
let isAway: boolean

beforeEach(async () => {
  nowMs = Date.parse('2026-11-21T08:30:00.000Z')
  failed = []
  isAway = false
  scratch = await scratchFolder()
  database = openSqlite(join(scratch.path, 'notification.db'))
  await migrate(database, [join(import.meta.dirname, '..', '..', 'migrations')])
})
afterEach(async () => {
  await database.close()
  await scratch.remove()
})

const proof = { answered: () => undefined, accepts: async () => true }
/** As a process that has just started makes it: no breaker is open, and what is known is in the database. */
const sendBy = (...senders: [Sender, ...Sender[]]): Send => {
  const calls = callsIn({ submit: async <T>(work: Work<T>) => (await decideAlone(database, work)).result })
  return inTurn(senders, {
    calls: { ...calls, fail: keeping(calls.fail) },
    now,
    unknownMs: UNKNOWN_MS,
    proof,
    breakerOf: () => createBreaker({ nowMs: () => now().getTime() }),
  })
}
const keeping =
  (fail: Calls['fail']): Calls['fail'] =>
  async (claim, attempt, open) => {
    failed.push(attempt)
    if (isAway) throw new TransientError('database_unavailable', 'away', { isOutage: true })
    return fail(claim, attempt, open)
  }

const to = (id: string, channel: 'email' | 'sms', address: string): Outgoing => ({
  notificationId: id,
  eventType: 'order.paid',
  orderId: id,
  channel,
  address,
  content: set.render(newsWords('order.paid', id, { user: 'ann', priority: 'standard' }, style)),
  createdAt: now().toISOString(),
})

/** With the call that is open, as the handler finds it; what is sent is known from its first time on. */
async function known(outgoing: Outgoing): Promise<Outgoing> {
  const { notificationId: id, channel, address } = outgoing
  const telling = await findTelling(database, id)
  if (telling) return { ...outgoing, call: standingOf(telling, channel).call }
  const told = { user: 'ann', priority: 'standard' } as const
  const notification = { ...notificationOf({ type: 'order.paid', orderId: id, told }, style, now().toISOString()), id }
  const after = { notification: { ...notification, addresses: { [channel]: address } }, standings: {}, failures: [] }
  await database.transaction((tx) => tellings.save(tx, [{ key: id, before: undefined, after }]))
  return outgoing
}
async function callOf({ notificationId, channel }: Outgoing): Promise<Call | null | undefined> {
  const telling = await findTelling(database, notificationId)
  return telling && standingOf(telling, channel).call
}
const outcomeOf = async (send: Send, outgoing: Outgoing) =>
  send(await known(outgoing), { now: now().toISOString(), attempt: 1, signal: new AbortController().signal }).then(
    ({ provider }) => provider,
    (error: Error & { code?: string }) => error.code ?? error.message,
  )

describe('of two mail servers', () => {
  const settings = { mailFrom: 'Orders <orders@example.com>', mailIdDomain: 'orders.example' }
  let first: MailServer
  let second: MailServer
  let senders: [Sender, Sender]
  const mail = (send: Send, id: string) => outcomeOf(send, to(id, 'email', 'ann@example.com'))
  const idsAt = ({ accepted }: MailServer) =>
    accepted.map(({ mail: { messageId } }) => /<(\w+)\./.exec(messageId ?? '')?.[1])

  beforeEach(async () => {
    first = await startMailServer()
    second = await startMailServer()
    senders = [openSmtp(first.url, settings, now), openSmtp(second.url, settings, now, 'smtp-second')]
  })
  afterEach(async () => {
    for (const sender of senders) sender.close()
    await Promise.all([first.close(), second.close()])
  })

  /** 421 is how a server says that it does not serve. */
  async function openBreaker(send: Send, failures = 5): Promise<void> {
    first.refuse('recipient', ...Array(failures).fill(421))
    for (let time = 0; time < failures; time++) expect(await mail(send, `lost${time}`)).toBe('mail_deferred')
  }

  it('the second takes over while the first’s breaker is open, and hands back', async () => {
    const send = sendBy(...senders)
    await openBreaker(send)
    expect(await mail(send, 'a')).toBe('smtp-second')
    expect(await mail(send, 'lost0')).toBe('smtp-second')
    nowMs += 30_000
    expect(await mail(send, 'b')).toBe('smtp')
    expect([idsAt(first), idsAt(second)]).toEqual([['b'], ['a', 'lost0']])
    expect(failed.map(({ provider }) => provider)).toEqual(Array(5).fill('smtp'))
  })

  it('an outage costs no attempt for an hour since the mail was to go, however long it was held before', async () => {
    const send = sendBy(senders[0])
    await openBreaker(send)
    const yesterday = new Date(nowMs - 86_400_000).toISOString()
    const sending = (heldUntil: string | null) =>
      send(
        { ...to('a', 'email', 'ann@example.com'), createdAt: yesterday, heldUntil },
        { now: now().toISOString(), attempt: 1, signal: new AbortController().signal },
      )
    await expect(sending(now().toISOString())).rejects.toMatchObject({ code: 'breaker_open', isUntried: true })
    await expect(sending(null)).rejects.toMatchObject({ code: 'breaker_open', isUntried: false })
  })

  it('the second is not asked for what the first refused by itself', async () => {
    const send = sendBy(...senders)
    first.refuse('recipient', 450, 554)
    expect([await mail(send, 'a'), await mail(send, 'b')]).toEqual(['mail_deferred', 'mail_refused'])
    expect(await mail(send, 'a')).toBe('smtp')
    expect(second.accepted).toEqual([])
  })

  it('the second takes over from one that refuses our own address, and the mail waits until then', async () => {
    const send = sendBy(...senders)
    first.saying('5.7.1 daily sending limit exceeded')
    first.refuse('sender', ...Array(5).fill(550))
    for (let time = 0; time < 5; time++) expect(await mail(send, 'a')).toBe('mail_deferred')
    expect(await mail(send, 'a')).toBe('smtp-second')
  })

  it('the second never gets a mail that the first may have, until its time has passed', async () => {
    const send = sendBy(...senders)
    first.hangUp()
    expect(await mail(send, 'a')).toBe('mail_deferred')
    expect(idsAt(first)).toEqual(['a'])
    await openBreaker(send, 4)
    expect([await mail(send, 'b'), await mail(send, 'a')]).toEqual(['smtp-second', 'outcome_unknown'])
    nowMs += UNKNOWN_MS - 1
    await openBreaker(send, 1)
    expect(await mail(send, 'a')).toBe('outcome_unknown')
    expect(idsAt(second)).toEqual(['b'])
    nowMs += 1
    expect(await mail(send, 'a')).toBe('smtp-second')
  })

  it('nor when our own database was away as the first fell silent', async () => {
    isAway = true
    first.hangUp()
    expect(await mail(sendBy(...senders), 'a')).toBe('database_unavailable')
    isAway = false
    const send = sendBy(...senders)
    await openBreaker(send)
    expect([await mail(send, 'b'), await mail(send, 'a')]).toEqual(['smtp-second', 'outcome_unknown'])
  })

  it('nor after a kill, nor when the first refuses it the next time', async () => {
    first.hangUp()
    await mail(sendBy(...senders), 'a')
    const send = sendBy(...senders)
    first.refuse('recipient', 421)
    expect(await mail(send, 'a')).toBe('mail_deferred')
    await openBreaker(send, 4)
    expect(await mail(send, 'a')).toBe('outcome_unknown')
    nowMs += 30_000
    expect(await mail(send, 'a')).toBe('smtp')
    expect(first.accepted.map(({ mail: { messageId } }) => messageId)).toEqual(
      Array(2).fill('<a.email@orders.example>'),
    )
    expect(second.accepted).toEqual([])
  })

  it('a call is kept before it is made, so that a process that dies in it leaves it', async () => {
    let keptMeanwhile: Call | null | undefined
    const watching: Sender = {
      ...senders[0],
      async send(outgoing, signal) {
        keptMeanwhile = await callOf(outgoing)
        return senders[0].send(outgoing, signal)
      },
    }
    await mail(sendBy(watching, senders[1]), 'a')
    expect(keptMeanwhile).toEqual({ provider: 'smtp', at: now().toISOString(), claimedBy: expect.any(String) })
  })
})

describe('a provider that would send a repeat twice', () => {
  let stub: Stub
  let answer: (asked: Asked) => Answering
  beforeEach(async () => {
    stub = await startStub((asked) => answer(asked))
  })
  afterEach(() => stub.close())

  const account = () => ({
    accountSid: 'AC1',
    authToken: 'secret',
    from: '+15005550006',
    baseUrl: stub.url,
    callbackUrl: undefined,
  })
  const sms = (send: Send) => outcomeOf(send, to('a', 'sms', '+94112345678'))
  const sent = () => stub.asked.filter(({ method }) => method === 'POST').length

  it('is asked what became of the first call, and believed', async () => {
    const messages: object[] = []
    answer = ({ method, body }) => {
      if (method === 'GET') return { status: 200, body: { messages } }
      const text = new URLSearchParams(body).get('Body')
      messages.push({ sid: 'SM1', body: text, date_created: now().toUTCString() })
      return { status: 201, hangsUp: true }
    }
    const send = sendBy(openTwilio('twilio', account()))
    expect(await sms(send)).toBe('provider_silent')
    expect(await sms(send)).toBe('outcome_unknown')
    nowMs += 30_000
    expect(await sms(send)).toBe('twilio')
    expect(sent()).toBe(1)
  })

  it('is asked to send again when it knows of no first call', async () => {
    answer = ({ method }) => (method === 'GET' ? { status: 200, body: { messages: [] } } : { status: 500 })
    const send = sendBy(openTwilio('twilio', account()))
    expect(await sms(send)).toBe('sms_deferred')
    nowMs += 30_000
    answer = ({ method }) =>
      method === 'GET' ? { status: 200, body: { messages: [] } } : { status: 201, body: { sid: 'SM2' } }
    expect(await sms(send)).toBe('twilio')
    expect(sent()).toBe(2)
  })

  it('is waited for while it does not say, and no longer than its time', async () => {
    answer = () => ({ status: 500 })
    const send = sendBy(openTwilio('twilio', account()))
    expect(await sms(send)).toBe('sms_deferred')
    nowMs += UNKNOWN_MS - 1
    expect(await sms(send)).toBe('outcome_unknown')
    expect(sent()).toBe(1)
    answer = () => ({ status: 201, body: { sid: 'SM3' } })
    nowMs += 1
    expect(await sms(send)).toBe('twilio')
  })
})
