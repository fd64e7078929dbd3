// Two copies of every service on one PostgreSQL, and one copy of each is killed under load for good: the others take over
// what the dead ones left behind, and nothing happens twice.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordedMessages } from '../support/kept.ts'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type TestDatabase, testDatabases } from '../support/postgres.ts'
import { CLAIMS_END_WITHIN_MS, mailsOf, type Story, typesOf, wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 120
/** The prefetch of the e-mail channel: what the killed copy had at the mail server and had not recorded yet. */
const MAILS_UNDER_WAY_MAX = 32

let databases: TestDatabase
let vhost: Vhost
let mail: MailServer
let living: System
let doomed: System

beforeAll(async () => {
  databases = testDatabases()
  vhost = await createVhost()
  mail = await startMailServer()
  const environment = { DATABASE_URL: databases.url, SMTP_URL: mail.url }
  const { amqpUrl } = vhost
  living = await startSystem({ amqpUrl, environment })
  // On another host it would have another folder; what they must share is the payment provider's own books.
  doomed = await startSystem({ amqpUrl, environment: { ...environment, DATA_DIR: living.dataDir } })
}, 180_000)

afterAll(async () => {
  await Promise.all([living?.stop(), doomed?.stop()])
  await mail?.close()
  await vhost?.remove()
  await databases?.remove()
}, 60_000)

it('the same requests to both copies at once place each order once', async () => {
  const initial = await stockOf(living)
  const forms = Array.from({ length: 20 }, (_, number) => orderForm('both', number))

  await Promise.all([placeAll(living, forms), placeAll(doomed, forms)])

  await expectAllEnded(forms, initial)
}, 120_000)

it('every order ends, with money, goods, mails and stories in agreement', async () => {
  const initial = await stockOf(living)
  const forms = Array.from({ length: ORDERS }, (_, number) => orderForm('copies', number))
  const placing = placeAll(living, forms)
  await eventually('orders are under way', async () => typeof (await living.order('copies-40')).status === 'string')
  await Promise.all(serviceNames.map(doomed.kill))
  await placing

  const stories = await expectAllEnded(forms, initial)

  const mails = stories.flatMap(mailsOf)
  await eventually('every mail was taken', () => mails.every((id) => mail.accepted.has(id)), CLAIMS_END_WITHIN_MS)
  const twice = mails.filter((id) => (mail.accepted.get(id) ?? 0) > 1)
  expect(twice.length).toBeLessThanOrEqual(MAILS_UNDER_WAY_MAX)
  await eventually(
    'the outboxes of the dead are empty as well',
    async () => {
      return (await recordedMessages(living, databases.url)) === 0
      // A minute after it was recorded, whoever lives takes over what the dead have left.
    },
    90_000,
  )
}, 600_000)

async function expectAllEnded(
  forms: { orderId: string }[],
  initial: Awaited<ReturnType<typeof stockOf>>,
): Promise<Story[]> {
  const ids = forms.map(({ orderId }) => orderId)
  // A row left behind by a dead copy is taken over after a minute.
  const orders = await endedAll(living, ids, 150_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completedOf(forms))
  const stories: Story[] = []
  for (const id of ids) stories.push(await wholeStory(living, id))
  // Each thing is said once: an id is kept once, so two decisions of one kind would be two types or a broken count.
  for (const story of stories) for (const type of ONCE) expect(typesOf(story)[type] ?? 0).toBeLessThanOrEqual(1)
  const isDrained = async () => Object.keys(await vhost.waiting()).length === 0
  await eventually('no message waits anywhere', isDrained, CLAIMS_END_WITHIN_MS)
  await expectAgreement(living, orders, initial)
  expect(await living.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
  return stories
}

const ONCE = ['order.created', 'inventory.reserved', 'payment.success', 'shipping.prepared', 'order.completed']
