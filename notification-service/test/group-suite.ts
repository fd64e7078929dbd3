// Members of one group about the same thing, on any database: each finds what the one before it has decided, as if that were
// saved already. A driver's own test file calls it.
import {
  type Contract,
  OrderCancelled,
  OrderPaid,
  PaymentConfirmationRequired,
  type Received,
} from '@orders/shared/contracts'
import { about, DEFAULT_PATIENCE, type Handler, type Work } from '@orders/shared/messaging'
import { eventually } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { addToSuppressions, removeFromSuppressions, takeReport } from '../channels/addresses.ts'
import { callsIn } from '../channels/calls.ts'
import { listSuppressions, reportsOf } from '../channels/store.ts'
import { plainWords } from '../content.ts'
import { customers } from '../customers/store.ts'
import { type Outgoing, standingOf } from '../deliveries/domain.ts'
import type { Notification } from '../domain.ts'
import { channelHandler } from '../handlers.ts'
import { cancel, readsOfTakingIn, release, takeIn } from '../holding/handlers.ts'
import { submitDirect } from '../intake/handlers.ts'
import { newsHandlers } from '../orders/handlers.ts'
import { sequencesOf } from '../orders/sequences.ts'
import { saveTemplates, templateFiles } from '../rendering/store.ts'
import { compileTemplates } from '../rendering/template-set.ts'
import { withHistory } from '../rendering/templates.ts'
import { changePreferences } from '../rules/handlers.ts'
import { withoutMailOf } from '../rules/preferences.ts'
import { preferences } from '../rules/store.ts'
import { findTelling, tellings } from '../store.ts'
import { openCopies, standingsIn } from './copies.ts'
import type { Driver } from './rules-suite.ts'
import { files, set, style } from './templates.ts'
import { termsWith } from './terms.ts'

const MINUTE_MS = 60_000
const inMinutes = (minutes: number) =>
  new Date(Date.parse('2026-11-21T08:30:00.000Z') + minutes * MINUTE_MS).toISOString()
const at = inMinutes(0)
const end = inMinutes(10)
const terms = termsWith({
  DIGEST_CATEGORIES: 'newsletter',
  DIGEST_SECONDS: '600',
  THROTTLE_MAX: '2',
  THROTTLE_SECONDS: '600',
})
const context = { now: at, attempt: 1, redelivered: false }

function message(id: string, category = 'other'): Notification {
  return {
    id,
    subject: id,
    orderId: null,
    eventType: 'direct',
    category,
    priority: 4,
    addresses: { email: 'ann@example.org' },
    words: plainWords(`News ${id}`, 'It is new.', {}, style),
    createdAt: at,
    customerId: null,
    sendAt: null,
    expiresAt: null,
  }
}

const takingIn = (notification: Notification, now = at): Work<void> => ({
  reads: (known) => readsOfTakingIn(notification, terms, known),
  decide: (draft) => ({ result: undefined, messages: takeIn(draft, notification, now, terms) }),
})

/** As a consumer submits what a handler makes of an event, once the outside world was asked. */
const handling = (handler: Handler, event: Received, answer?: unknown): Work<void> => ({
  reads: (known) => handler.reads(event, known),
  decide: (draft) => ({ result: undefined, messages: handler.decide(event, draft, context, answer) }),
})
const givingUp = (handler: Handler, event: Received): Work<void> => ({
  reads: (known) => (handler.readsToGiveUp ?? handler.reads)(event, known),
  decide: (draft) => ({
    result: undefined,
    messages: handler.giveUp?.(event, draft, context, { error: new Error('no'), reason: 'no' }) ?? [],
  }),
})
const mailer = channelHandler('email', () => Promise.reject(new Error('nobody is asked')), terms, DEFAULT_PATIENCE)
const request = (notificationId: string): Received => ({
  id: `${notificationId}/requested`,
  source: '/notification-service',
  type: 'notification.requested',
  subject: notificationId,
  time: at,
  data: { notificationId, channels: ['email'] },
})
const receipt = (providerId: string) => ({ provider: 'smtp', providerId, durationMs: 5 })

export function groupSuite(name: string, { openAgain }: Driver): void {
  async function opened() {
    // A group that comes by the clock, to forget what was published, is none of those that are counted here.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const copies = await openCopies(1, { at, terms, open: await openAgain() })
    const { first } = copies
    /** All in one group, in this order: how each of them ended. */
    async function together(...works: Work<unknown>[]): Promise<unknown[]> {
      const before = first.groups.length
      const ends = await Promise.all(works.map((work) => first.commit.submit(work).then(() => 'done', codeOf)))
      expect(first.groups.slice(before)).toEqual([works.length])
      return ends
    }
    const standing = async (id: string) => (await standingsIn(first.database, id))[0]
    const said = async () => {
      await eventually('all is published', () => first.outbox.pending().underWay === 0)
      return copies.said()
    }
    return { ...copies, together, standing, said }
  }

  describe(`two members of one group on ${name}`, () => {
    it('of which one changes what the other reads: it goes by the change', async () => {
      const { together, standing } = await opened()
      const customer = {
        id: 'ann',
        addresses: { email: 'ann@example.org' },
        locale: null,
        timeZone: null,
        updatedAt: at,
      }
      const known = about(customers, 'ann', () => ({ state: customer, messages: [], result: undefined }))
      const wanted = { subject: 'Hi', body: 'There.' }
      const asked = { to: { customerId: 'ann' }, wanted, locale: undefined, priority: 'normal' } as const
      const submission = (id: string) => submitDirect({ id, key: undefined, request: asked, terms, at })
      expect(await together(known, submission('1'))).toEqual(['done', 'done'])
      expect(await standing('1')).toMatchObject({ channel: 'email', status: 'waiting' })
      const gathering = changePreferences('customer ann', () => ({ categories: { direct: { digest: true } } }), at)
      expect(await together(gathering, submission('2'))).toEqual(['done', 'done'])
      expect(await standing('2')).toMatchObject({ status: 'held', heldBecause: 'digest' })
    })

    it('that take in the same say it once', async () => {
      const { first, together, said } = await opened()
      await together(takingIn(message('1')), takingIn(message('1')))
      expect(await said()).toEqual(['1/notification.requested/direct'])
      expect(await first.database.all('select id from notifications')).toEqual([{ id: '1' }])
    })

    it('that claim the same call: one makes it', async () => {
      const { first, together } = await opened()
      await together(takingIn(message('1')))
      const groups = first.groups.length
      const call = { provider: 'smtp', at }
      const outgoing: Outgoing = {
        notificationId: '1',
        eventType: 'direct',
        orderId: null,
        channel: 'email',
        address: 'ann@example.org',
        content: { subject: '', short: '', text: '', html: '' },
        createdAt: at,
      }
      const [one, other] = await Promise.all(
        [callsIn(first.commit), callsIn(first.commit)].map((calls) => calls.begin(outgoing, call).catch(codeOf)),
      )
      expect(first.groups.slice(groups)).toEqual([2])
      expect(other).toBe('sending_elsewhere')
      const telling = await findTelling(first.database, '1')
      expect(telling && standingOf(telling, 'email').call).toEqual({ ...call, claimedBy: one })
    })

    it('of which one cancels what the other has sent: whoever comes first is right, and what is sent is said', async () => {
      const { together, standing, said } = await opened()
      await together(takingIn(message('1')), takingIn(message('2')))
      expect(await together(cancel('1', at), handling(mailer, request('1'), receipt('<1@x>')))).toEqual([
        'done',
        'done',
      ])
      expect(await standing('1')).toMatchObject({ status: 'sent', attempts: 1, providerId: '<1@x>' })
      expect(await together(handling(mailer, request('2'), receipt('<2@x>')), cancel('2', at))).toEqual([
        'done',
        'not_cancellable',
      ])
      expect(await standing('2')).toMatchObject({ status: 'sent', attempts: 1, providerId: '<2@x>' })
      expect((await said()).filter((id) => !id.includes('requested'))).toEqual([
        '1/notification.cancelled/direct.email',
        '1/notification.sent/direct.email',
        '2/notification.sent/direct.email',
      ])
    })

    it('of which one cancels what the other gives up: it ends once', async () => {
      const { together, standing, said } = await opened()
      await together(takingIn(message('1')), takingIn(message('2')))
      expect(await together(cancel('1', at), givingUp(mailer, request('1')))).toEqual(['done', 'done'])
      expect(await together(givingUp(mailer, request('2')), cancel('2', at))).toEqual(['done', 'not_cancellable'])
      expect(await standing('1')).toMatchObject({ status: 'cancelled', error: null })
      expect(await standing('2')).toMatchObject({ status: 'failed', error: 'no' })
      expect((await said()).filter((id) => !id.includes('requested'))).toEqual([
        '1/notification.cancelled/direct.email',
        '2/notification.failed/direct.email',
      ])
    })

    it('that say the same was sent: it is said once, and the first receipt stands', async () => {
      const { together, standing, said } = await opened()
      await together(takingIn(message('1')))
      const [one, other] = ['<1@x>', '<2@x>'].map((id) => handling(mailer, request('1'), receipt(id)))
      if (one && other) await together(one, other)
      expect(await standing('1')).toMatchObject({ status: 'sent', attempts: 2, providerId: '<1@x>' })
      expect((await said()).filter((id) => id.includes('sent'))).toEqual(['1/notification.sent/direct.email'])
    })

    it('for one address with room for two: a third is held', async () => {
      const { together, standing, said } = await opened()
      await together(takingIn(message('1')), takingIn(message('2')), takingIn(message('3')))
      expect(await said()).toEqual(['1/notification.requested/direct', '2/notification.requested/direct'])
      expect(await standing('3')).toMatchObject({ status: 'held', heldBecause: 'throttled', dueAt: end })
    })

    it('with one Idempotency-Key are one notification, and with another request the second is refused', async () => {
      const { first, together, said } = await opened()
      const submission = (id: string, key: string, body = 'There.') => {
        const wanted = { subject: 'Hi', body }
        const asked = { to: { email: 'ann@example.org' }, wanted, locale: undefined, priority: 'normal' } as const
        return submitDirect({ id, key, request: asked, terms, at })
      }
      const groups = first.groups.length
      const [one, again] = await Promise.all(
        ['1', '2'].map((id) => first.commit.submit(submission(id, 'k')).then((known) => known.id)),
      )
      expect(first.groups.slice(groups)).toEqual([2])
      expect([one, again]).toEqual(['1', '1'])
      const ends = await together(submission('3', 'other'), submission('4', 'other', 'Elsewhere.'))
      expect(ends).toEqual(['done', 'idempotency_key_reused'])
      expect(await said()).toEqual(['1/notification.requested/direct', '3/notification.requested/direct'])
      const keys = await first.database.all(
        'select idempotency_key as "key", notification_id as id from idempotency_keys order by 1',
      )
      expect(keys).toEqual([
        { key: 'k', id: '1' },
        { key: 'other', id: '3' },
      ])
    })

    it('that change the same preferences: neither undoes the other', async () => {
      const { first, together } = await opened()
      const without = (category: string) =>
        changePreferences('customer ann', (before) => withoutMailOf(before, category), at)
      await together(without('newsletter'), without('tips'))
      const kept = await preferences.load(first.database, ['customer ann'])
      expect(kept.get('customer ann')).toEqual({
        categories: { newsletter: { email: false }, tips: { email: false } },
      })
    })

    it('of which one takes an address off the list that the other puts there again: the last one is right', async () => {
      const { first, together } = await opened()
      const bounced = (reason: string) => ({
        channel: 'email' as const,
        address: 'Ann@example.org',
        reason,
        notificationId: null,
        at,
      })
      const reasons = async () => {
        return (await listSuppressions(first.database, { limit: 10 })).map(({ reason }) => reason)
      }
      await together(addToSuppressions(bounced('first')), addToSuppressions(bounced('second')))
      expect(await reasons()).toEqual(['first'])
      await together(removeFromSuppressions('ann@example.org'), addToSuppressions(bounced('third')))
      expect(await reasons()).toEqual(['third'])
      await together(addToSuppressions(bounced('fourth')), removeFromSuppressions('ann@example.org'))
      expect(await reasons()).toEqual([])
      await together(addToSuppressions(bounced('fifth')), removeFromSuppressions('ann@example.org'))
      expect(await reasons()).toEqual([])
    })

    it('that report the same: it is kept and said once, and the first reason stands', async () => {
      const { first, together, said } = await opened()
      const called = { ...message('1'), addresses: { sms: '+43 1' } }
      await together(takingIn(called))
      const report = (error: string) =>
        takeReport({
          report: {
            notificationId: '1',
            generation: 1,
            channel: 'sms',
            status: 'undelivered',
            providerId: 'SM1',
            error,
            at,
          },
          isAddressGone: true,
          isComplaint: false,
        })
      await together(report('gone'), report('gone for ever'))
      expect(await reportsOf(first.database, '1')).toMatchObject([{ status: 'undelivered', error: 'gone' }])
      const list = await listSuppressions(first.database, { address: '+43 1', limit: 10 })
      expect(list).toMatchObject([{ channel: 'sms', reason: 'gone' }])
      expect((await said()).filter((id) => !id.includes('requested'))).toEqual([
        '1/notification.undelivered/direct.sms',
      ])
    })
  })

  describe(`a digest in one group on ${name}`, () => {
    const letter = (id: string) => message(id, 'newsletter')

    it('is opened by one message and joined by the next', async () => {
      const { first, together, standing, clock, said } = await opened()
      await together(takingIn(letter('1')), takingIn(letter('2')), takingIn(letter('3')))
      const { digestId } = (await first.database.get<{ digestId: string }>(
        'select digest_id as "digestId" from open_digests',
      )) ?? { digestId: '' }
      expect(await first.database.all('select due_at as "dueAt" from open_digests')).toEqual([{ dueAt: end }])
      for (const id of ['1', '2', '3']) expect(await standing(id)).toMatchObject({ status: 'held', dueAt: end })
      clock.now = end
      await together(release('1', end, terms), release('2', end, terms), release('3', end, terms))
      for (const id of ['1', '2', '3']) expect(await standing(id)).toMatchObject({ status: 'digested', digestId })
      expect((await said()).sort()).toEqual(
        [
          `${digestId}/notification.requested/digest`,
          ...['1', '2', '3'].map((id) => `${id}/notification.digested/direct.email`),
        ].sort(),
      )
    })

    it('that is closed leaves the next message to open another', async () => {
      const { first, together, standing, clock, said } = await opened()
      await together(takingIn(letter('1')), takingIn(letter('2')))
      clock.now = end
      await together(release('1', end, terms), takingIn(letter('3'), end))
      const { digestId } = (await standing('1')) ?? {}
      expect(await standing('2')).toMatchObject({ status: 'digested', digestId })
      expect(await standing('3')).toMatchObject({ status: 'held', heldBecause: 'digest', dueAt: inMinutes(20) })
      const [open, ...more] = await first.database.all<{ digestId: string }>(
        'select digest_id as "digestId" from open_digests',
      )
      expect(more).toEqual([])
      expect(open?.digestId).not.toBe(digestId)
      clock.now = inMinutes(20)
      first.release()
      await eventually(
        'it is said',
        async () => (await said()).includes('3/notification.requested/direct') || undefined,
      )
    })

    it('that is joined and then closed: the one that joined last is said all the same', async () => {
      const { first, together, standing, clock, said } = await opened()
      await together(takingIn(letter('1')), takingIn(letter('2')))
      clock.now = end
      await together(takingIn(letter('3'), end), release('1', end, terms))
      for (const id of ['1', '2']) expect(await standing(id)).toMatchObject({ status: 'digested' })
      expect(await first.database.all('select * from open_digests')).toEqual([])
      first.release()
      await eventually(
        'it is said',
        async () => (await said()).includes('3/notification.requested/direct') || undefined,
      )
      expect(await standing('3')).toMatchObject({ status: 'waiting' })
    })

    it('says each of its messages in the words of its own time', async () => {
      const older = compileTemplates({ ...files, 'message/en/subject.hbs': 'Formerly: {{subject}}\n' })
      const { first, together, standing, clock } = await opened()
      const load = async (version: string) => (await templateFiles.load(first.database, [version])).get(version)
      const templates = withHistory(set, load)
      await saveTemplates(first.database, older.version, older.files, at)
      const said = letter('1')
      const words = { ...said.words, version: older.version }
      await together(takingIn({ ...said, words }), takingIn(letter('2')))
      clock.now = end
      await together(release('2', end, { ...terms, templates }))
      const { digestId } = (await standing('1')) ?? {}
      const digest = await findTelling(first.database, digestId ?? '')
      expect(digest?.notification.words.data).toMatchObject({
        first: 'Formerly: News 1',
        items: [{ title: 'Formerly: News 1' }, { title: 'News 2' }],
      })
    })

    it('leaves out what is called off before, and not what is called off after', async () => {
      const { together, standing, clock } = await opened()
      await together(...['1', '2', '3'].map((id) => takingIn(letter(id))))
      clock.now = end
      expect(await together(cancel('2', end), release('1', end, terms), cancel('3', end))).toEqual([
        'done',
        'done',
        'not_cancellable',
      ])
      const ids = await Promise.all(['1', '2', '3'].map(async (id) => (await standing(id))?.status))
      expect(ids).toEqual(['digested', 'cancelled', 'digested'])
    })
  })

  describe(`reminders, begun and made needless in one group on ${name}`, () => {
    const sequences = sequencesOf({ remindersAfterMs: `${10 * MINUTE_MS},${20 * MINUTE_MS}` })
    const handlers = new Map(newsHandlers({ ...terms, sequences }).map((handler) => [handler.type, handler]))
    const customer = { user: 'ann', priority: 'standard' as const, contact: { email: 'ann@example.org' } }
    const hearing = <Data>(contract: Contract<Data>, data: Data, orderId = '1'): Work<void> => {
      const handler = handlers.get(contract.type)
      if (!handler) throw new Error(`nobody hears ${contract.type}`)
      const { id, type, subject, time } = contract.of(orderId, at, data)
      return handling(handler, { id, source: '/test', type, subject, time, data })
    }
    const question = { ...customer, totalCents: 1, confirmBefore: inMinutes(30) }
    const begun = hearing(PaymentConfirmationRequired, question)
    const paid = hearing(OrderPaid, customer)
    const cancelled = hearing(OrderCancelled, { ...customer, reason: 'declined' })
    const reminders = (said: string[]) => said.filter((id) => id.includes('reminder'))

    it.each([
      ['begun, then paid', [begun, paid], 'superseded'],
      ['begun, begun again, then cancelled', [begun, begun, cancelled], 'superseded'],
      ['paid, then begun', [paid, begun], undefined],
      ['cancelled, then begun', [cancelled, begun], undefined],
      ['begun, paid, and begun again', [begun, paid, begun], 'superseded'],
    ])('%s: nobody is reminded', async (_, works, status) => {
      const { first, together, clock, standing, said } = await opened()
      await together(...works)
      for (const step of [1, 2]) expect((await standing(`1.reminder.${step}`))?.status).toBe(status)
      const before = reminders(await said())
      expect(before).toEqual(
        status === undefined ? [] : [1, 2].map((step) => `1/notification.superseded/reminder.${step}.email`),
      )
      clock.now = inMinutes(25)
      const other = { ...message('2'), sendAt: inMinutes(25) }
      await together(takingIn(other))
      first.release()
      // What were due would be asked for before this.
      await eventually(
        'the other is said',
        async () => (await said()).includes('2/notification.requested/direct') || undefined,
      )
      expect(reminders(await said())).toEqual(before)
    })

    it('nor is anybody whose question one copy hears while another hears the answer', async () => {
      const { opened: all, first } = await openCopies(2, { at, terms, open: await openAgain() })
      const [one, other] = all
      const orderIds = Array.from({ length: 40 }, (_, index) => `o${index}`)
      await Promise.all(
        orderIds.flatMap((orderId, index) => {
          const works = [hearing(PaymentConfirmationRequired, question, orderId), hearing(OrderPaid, customer, orderId)]
          const [asks, answers] = index % 2 === 0 ? works : works.reverse()
          return [asks && one?.commit.submit(asks), answers && other?.commit.submit(answers)]
        }),
      )
      const keys = orderIds.flatMap((orderId) => [`${orderId}.reminder.1`, `${orderId}.reminder.2`])
      const known = [...(await tellings.load(first.database, keys)).values()]
      expect(known.filter(({ standings }) => standings.email?.status !== 'superseded')).toEqual([])
    })
  })
}

const codeOf = (error: Error & { code?: string }): string => error.code ?? error.message
