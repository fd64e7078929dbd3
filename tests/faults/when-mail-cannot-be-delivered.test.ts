// The mail server refuses: for good, and the request is kept until an operator sends it again; for now, and it is
// tried again by itself. Either way the order goes on, and the customer gets each mail once.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deadLetters, failedCount } from '../support/dead-letters.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { typesOf, wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const NEWS = ['order.created', 'order.paid', 'order.shipped', 'order.completed']

let vhost: Vhost
let mail: MailServer
let system: System
/** What the mail server answers to each recipient: the codes in turn, then that it takes the mail. */
const answers = new Map<string, number[]>()

beforeAll(async () => {
  vhost = await createVhost()
  mail = await startMailServer((recipient) => answers.get(recipient)?.shift() ?? 250)
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { SMTP_URL: mail.url } })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await vhost?.remove()
}, 60_000)

interface Notification {
  status: string
  deliveries: { status: string; attempts: number; error: string | null }[]
  attempts: { attempt: number; outcome: string }[]
}

const notification = (orderId: string, news: string) =>
  system.get<Notification>(`/notifications/${orderId}.${news}`, 'notification')

/** How often each of the order's mails was accepted. */
const accepted = (orderId: string) =>
  NEWS.map((news) => mail.accepted.get(`<${orderId}.${news}.email@orders.example>`) ?? 0)

it('for good: the order completes, each request is a dead letter with its reason, and a replay sends once what is not old by then', async () => {
  const email = 'gone@example.org'
  answers.set(
    email,
    NEWS.map(() => 554),
  )
  await system.post('/orders', { orderId: 'refused', user: 'ann', items: ['item1'], contact: { email } })
  expect(await system.ended('refused')).toMatchObject({ status: 'completed' })
  const story = await wholeStory(system, 'refused', NEWS.length)
  expect(typesOf(story)).toMatchObject({ 'notification.failed': NEWS.length })
  expect(accepted('refused')).toEqual([0, 0, 0, 0])
  for (const news of NEWS)
    expect(await notification('refused', news)).toMatchObject({
      status: 'failed',
      deliveries: [{ status: 'failed', attempts: 1, error: expect.stringMatching(/^mail_refused: .*554/s) }],
    })

  const failed = await failedCount(system, NEWS.length)
  expect(failed.map(({ messageId }) => messageId).sort()).toEqual(
    NEWS.map((news) => `refused/notification.requested/${news}`).sort(),
  )
  const cli = (...args: string[]) => deadLetters(system.url('audit'), args)
  const listed = await cli('list')
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toMatch(/^4 {2}notification\.email\.dlq {2}notification\.requested {2}mail_refused: /)
  expect(listed.stdout).not.toContain(email)

  const all = ['replay', '--queue', 'notification.email.dlq', '--reason', 'the mailbox is back', '--watch-ms', '0']
  const counted = await cli(...all)
  expect(counted).toMatchObject({ code: 0, stdout: expect.stringContaining('--expect 4') })
  const replayed = await cli(...all, '--expect', '4')
  expect(replayed).toMatchObject({ code: 0, stderr: '' })
  expect(replayed.stdout).toMatch(/^4 of 4 sent again: done/m)
  const isSettled = async () => {
    const { 'notification.sent': sent, 'notification.superseded': old } = typesOf(await wholeStory(system, 'refused'))
    return sent === 2 && old === 2
  }
  await eventually('what is still worth telling is sent', isSettled)
  expect(accepted('refused')).toEqual([1, 0, 0, 1])
  const standing = await Promise.all(NEWS.map((news) => notification('refused', news)))
  expect(standing).toMatchObject([
    { status: 'sent', deliveries: [{ attempts: 2, error: null }] },
    { status: 'superseded', deliveries: [{ supersededBy: 'refused.order.shipped' }] },
    { status: 'superseded', deliveries: [{ supersededBy: 'refused.order.completed' }] },
    { status: 'sent', deliveries: [{ attempts: 2, error: null }] },
  ])
  expect(await vhost.waiting()).toEqual({})
}, 180_000)

it('for now: it is sent a second later, by itself and once', async () => {
  const email = 'greylisted@example.org'
  answers.set(email, [451])
  await system.post('/orders', { orderId: 'deferred', user: 'bob', items: ['item1'], contact: { email } })
  expect(await system.ended('deferred')).toMatchObject({ status: 'completed' })
  const story = await wholeStory(system, 'deferred')
  expect(typesOf(story)).toMatchObject({ 'notification.requested': 4, 'notification.sent': 4 })
  expect(typesOf(story)).not.toHaveProperty('notification.failed')
  expect(accepted('deferred')).toEqual([1, 1, 1, 1])

  const all = await Promise.all(NEWS.map((news) => notification('deferred', news)))
  const tries = all.map(({ attempts }) => attempts.map(({ attempt, outcome }) => `${attempt} ${outcome}`).join(', '))
  expect(tries.sort()).toEqual(['1 failed, 2 sent', '1 sent', '1 sent', '1 sent'])
  const logged = await system.log('notification')
  expect(logged.filter(({ code }) => code === 'mail_deferred')).toMatchObject([
    {
      msg: 'failed, will be tried again',
      queue: 'notification.email.queue',
      subject: 'deferred',
      afterMs: expect.any(Number),
    },
  ])
  expect(await vhost.waiting()).toEqual({})
})
