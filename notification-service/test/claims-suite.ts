// Two copies of the service and one message that both hold at once, on any database: one mail, whoever dies.
import { join } from 'node:path'
import { InventoryReserved, registry, topology } from '@orders/shared/contracts'
import { about, encode, type Work } from '@orders/shared/messaging'
import { deferred, readConfig, startService, TransientError } from '@orders/shared/runtime'
import { type Database, migrate } from '@orders/shared/storage'
import { createMemoryBroker, decideAlone, eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CLAIM_MS, callsIn } from '../channels/calls.ts'
import { NotificationConfig } from '../config.ts'
import { type Attempt, type Call, type Outgoing, sent, standingOf, type Telling } from '../deliveries/domain.ts'
import { notificationService } from '../service.ts'
import { findTelling, tellings } from '../store.ts'
import { startMailServer } from './mail-server.ts'

/** What the broker counts passes in a hundredth of its time. */
const HURRY = 100
const AT = '2026-11-21T08:30:00.000Z'
const LATER = '2026-11-21T08:30:30.000Z'

export interface Place {
  /** What `DATABASE_URL` is, and where a file would be. */
  environment: Record<string, string>
  /** Opens the database once more, as another copy does. */
  open(): Promise<Database>
  remove(): Promise<void>
}

export function claimsSuite(name: string, openPlace: (folder: string) => Promise<Place>): void {
  async function place(): Promise<Place> {
    const scratch = await scratchFolder()
    const opened = await openPlace(scratch.path)
    onTestFinished(async () => {
      await opened.remove()
      await scratch.remove()
    })
    return opened
  }

  /** A copy of the service over the one broker, with the lines that it logs. */
  async function startCopy({ environment }: Place, broker: ReturnType<typeof createMemoryBroker>, smtpUrl: string) {
    const config = { ...readConfig(NotificationConfig, { ...environment, SMTP_URL: smtpUrl }), portBase: 0 }
    const { log, lines } = await keepingLog('notification-service')
    const service = await startService(notificationService, config, {
      log,
      openBroker: (connection) => broker.connect(connection),
      broken: (error) => {
        throw error
      },
    })
    onTestFinished(async () => void (await service.close()))
    return { service, lines }
  }

  describe(`two copies of notification-service on ${name}`, () => {
    it('hold the same message at once, and the mail server answers late: one mail', async () => {
      const here = await place()
      const mail = await startMailServer()
      onTestFinished(mail.close)
      const broker = createMemoryBroker(topology, (delayMs, work) => {
        const timer = setTimeout(work, delayMs / HURRY)
        return () => clearTimeout(timer)
      })
      const answer = deferred()
      mail.answerAfter(answer.promise)
      const copies = [await startCopy(here, broker, mail.url), await startCopy(here, broker, mail.url)]
      const publisher = broker.connect('test')
      const data = { user: 'gayal', priority: 'standard' as const, lines: [], totalCents: 0 }
      await publisher.publish(encode(registry, InventoryReserved.of('1', AT, data), 'order-service', {}))
      await eventually('the mail is with the server', () => mail.accepted.length === 1)
      const request = broker.messages('audit.queue').find(({ body }) => body.includes('notification.requested'))
      if (!request) throw new Error('nothing was requested')

      // As after a lost confirm.
      const body = Buffer.from(request.body)
      await publisher.publish({
        exchange: '',
        routingKey: 'notification.email.queue',
        body,
        properties: request.properties,
      })
      const waits = () => copies.filter(({ lines }) => lines.some(({ code }) => code === 'sending_elsewhere')).length
      await eventually('the other one lets it be', () => waits() === 1)
      answer.resolve()

      const said = () => broker.messages('audit.queue').filter((message) => message.body.includes('notification.sent'))
      await eventually('it is said', () => said().length > 0)
      const handled = () =>
        copies.flatMap(({ lines }) =>
          lines.filter(({ msg, queue }) => msg === 'handled' && queue === 'notification.email.queue'),
        )
      await eventually('both have settled it', () => handled().length === 2)
      expect(mail.accepted).toHaveLength(1)
      expect(said()).toHaveLength(1)
      const shown = await fetch(`${copies[0]?.service.url}/notifications/1.order.created`)
      expect(await shown.json()).toMatchObject({
        status: 'sent',
        deliveries: [{ channel: 'email', status: 'sent', attempts: 1 }],
        attempts: [{ attempt: 1, outcome: 'sent' }],
      })
    })

    it('a copy dies with its claim: the other makes the call after its time, and not before', async () => {
      const { copies, clock } = await claimants(await place())
      await copies[0].begin(mailTo, call)
      expect(await outcome(copies[1].begin(mailTo, call))).toBe('sending_elsewhere')
      clock.ms += CLAIM_MS - 1
      expect(await outcome(copies[1].begin(mailTo, call))).toBe('sending_elsewhere')
      clock.ms += 1
      expect(await outcome(copies[1].begin(mailTo, call))).toBe('claimed')
    })

    it('a claim of which its copy heard an outage is no call: that copy claims it again at once', async () => {
      const { copies, cutOff } = await claimants(await place())
      cutOff()
      expect(await outcome(copies[0].begin(mailTo, call))).toBe('database_unavailable')
      expect(await outcome(copies[1].begin(mailTo, call))).toBe('sending_elsewhere')
      expect(await outcome(copies[0].begin(mailTo, call))).toBe('claimed')
    })

    it('so is one whose failure could not be kept', async () => {
      const { copies, cutOff } = await claimants(await place())
      const claim = await copies[0].begin(mailTo, call)
      cutOff('before')
      await expect(copies[0].fail(claim, attempt, call)).rejects.toMatchObject({ code: 'database_unavailable' })
      expect(await outcome(copies[0].begin(mailTo, call))).toBe('claimed')
    })

    it('a call that ended without success leaves no claim, and stays known where it may have been taken', async () => {
      const { copies, database } = await claimants(await place())
      const [one, two] = copies
      await one.fail(await one.begin(mailTo, call), attempt, call)
      expect(await callIn(database)).toEqual({ ...call, claimedBy: null })
      const claim = await two.begin(mailTo, { ...call, at: LATER })
      expect(await callIn(database)).toEqual({ ...call, at: LATER, claimedBy: claim })
      await two.fail(claim, attempt, undefined)
      expect(await callIn(database)).toBe(null)
    })

    it('whoever wakes up after its time ends nobody else’s claim', async () => {
      const { copies, clock } = await claimants(await place())
      const [one, two] = copies
      const late = await one.begin(mailTo, call)
      await outcome(two.begin(mailTo, call))
      clock.ms += CLAIM_MS
      await two.begin(mailTo, call)
      await one.fail(late, attempt, undefined)
      expect(await outcome(one.begin(mailTo, call))).toBe('sending_elsewhere')
    })

    it('what was found of an earlier call must still be so', async () => {
      const { copies } = await claimants(await place())
      const [one, two] = copies
      await one.fail(await one.begin(mailTo, call), attempt, call)
      expect(await outcome(two.begin(mailTo, { ...call, at: LATER }, { found: undefined }))).toBe('sending_elsewhere')
      expect(await outcome(two.begin(mailTo, { ...call, at: LATER }, { found: call }))).toBe('claimed')
    })

    it('what is sent is not sent again', async () => {
      const { copies, database } = await claimants(await place())
      const receipt = { provider: 'smtp', providerId: 'x', durationMs: 1 }
      await change(database, (telling) => sent(telling, 'email', receipt, AT))
      expect(await outcome(copies[1].begin(mailTo, call))).toBe('sending_elsewhere')
      expect(await callIn(database)).toBe(null)
    })

    it('a call that went well leaves no claim, whoever had it meanwhile', async () => {
      const { copies, database } = await claimants(await place())
      await copies[0].begin(mailTo, call)
      const receipt = { provider: 'smtp', providerId: 'x', durationMs: 1 }
      await change(database, (telling) => sent(telling, 'email', receipt, AT))
      expect(await callIn(database)).toBe(null)
    })

    it('nobody claims a call about nothing', async () => {
      const { copies } = await claimants(await place())
      const nowhere = { ...mailTo, notificationId: 'n2' }
      expect(await outcome(copies[0].begin(nowhere, call))).toBe('no_such_notification')
    })
  })
}

const mailTo: Outgoing = {
  notificationId: 'n1',
  eventType: 'direct',
  orderId: null,
  channel: 'email',
  address: 'ann@example.com',
  content: { subject: '', short: '', text: '', html: '' },
  createdAt: AT,
}
const call = { provider: 'smtp', at: AT }
const attempt: Attempt = {
  notificationId: 'n1',
  channel: 'email',
  attempt: 1,
  at: AT,
  provider: 'smtp',
  error: 'no',
  durationMs: 1,
}

async function callIn(database: Database): Promise<Call | null | undefined> {
  const telling = await findTelling(database, 'n1')
  return telling && standingOf(telling, 'email').call
}

/** In a transaction of its own, as a group of one does. */
async function change(database: Database, decide: (telling: Telling) => Telling): Promise<void> {
  const work = about(tellings, 'n1', (telling) => ({
    ...(telling && { state: decide(telling) }),
    messages: [],
    result: undefined,
  }))
  await decideAlone(database, work)
}

/** Two copies' claims over one database, by a clock of the test. */
async function claimants({ open }: Place) {
  const databases = [await open(), await open()] as const
  onTestFinished(async () => void (await Promise.all(databases.map((database) => database.close()))))
  const [database] = databases
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
  const words = { template: 'message', version: '1', locale: null, currency: 'EUR', data: {} }
  const notification = { subject: 'n1', orderId: null, eventType: 'direct', category: 'direct', priority: 5 }
  const rest = { customerId: null, sendAt: null, expiresAt: null }
  const addresses = { email: mailTo.address }
  const after: Telling = {
    notification: { id: 'n1', ...notification, ...rest, addresses, words, createdAt: AT },
    standings: {},
    failures: [],
  }
  await database.transaction((tx) => tellings.save(tx, [{ key: 'n1', before: undefined, after }]))
  const clock = { ms: 0 }
  let cut: 'before' | 'after' | undefined
  const copyOver = (over: Database) => {
    const submit = async <T>(work: Work<T>) => {
      const isAway = cut
      cut = undefined
      const outage = new TransientError('database_unavailable', 'it is away', { isOutage: true })
      if (isAway === 'before') throw outage
      const { result } = await decideAlone(over, work)
      if (isAway === 'after') throw outage
      return result
    }
    return callsIn({ submit }, { clockMs: () => clock.ms })
  }
  /** The next commit meets an outage: before it, or when the server has done it and its answer is lost. */
  const cutOff = (when: 'before' | 'after' = 'after') => {
    cut = when
  }
  return { database, clock, cutOff, copies: [copyOver(databases[0]), copyOver(databases[1])] as const }
}

const outcome = (claiming: Promise<string>): Promise<string> =>
  claiming.then(
    () => 'claimed',
    (error: Error & { code?: string }) => error.code ?? error.message,
  )
