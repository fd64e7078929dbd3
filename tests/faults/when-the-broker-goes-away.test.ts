// The broker is stopped, or killed, under load and comes back: orders are taken meanwhile, and every one ends; what is urgent is
// sent meanwhile, and once. Or the power goes: it dies together with all services, and nothing is lost or doubled, not even
// the mails that were waiting.
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { recordedMessages } from '../support/kept.ts'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { CLAIMS_END_WITHIN_MS, mailsOf, type Story, wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 100
const MEANWHILE = 20
/** The prefetch of the e-mail channel. */
const MAILS_UNDER_WAY_MAX = 32

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let vhost: Vhost
let mail: MailServer
let system: System
/** What the mail server waits for before it takes a mail. */
let open = Promise.resolve()

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
  mail = await startMailServer(() => open.then(() => 250))
  const environment = { SMTP_URL: mail.url, LOG_LEVEL: 'info', URGENT_DIRECT_AFTER_MS: '500' }
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment })
}, 180_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await node?.kill()
  await folder?.remove()
}, 60_000)

it.each([
  { how: 'is stopped', away: () => node.stop() },
  { how: 'is killed', away: () => node.kill() },
])(
  'that $how: orders are taken while it is down and all end once it is back',
  async ({ how, away }) => {
    const prefix = how.replace(' ', '-')
    const initial = await stockOf(system)
    const before = Array.from({ length: ORDERS }, (_, number) => orderForm(`${prefix}-before`, number))
    const meanwhile = Array.from({ length: MEANWHILE }, (_, number) => orderForm(`${prefix}-meanwhile`, number))
    const placing = placeAll(system, before)
    await eventually(
      'orders are under way',
      async () => typeof (await system.order(`${prefix}-before-20`)).status === 'string',
    )
    await away()
    await placing
    await placeAll(system, meanwhile)
    const readiness = await fetch(`${system.url('order')}/health/ready`)
    expect(readiness.status).toBe(503)
    expect(await readiness.text()).toContain('broker')
    expect((await system.order(`${prefix}-meanwhile-0`)).status).toBe('created')
    await eventually('notification-service has noticed', async () => !(await system.isReady('notification')))
    const [urgent, normal] = [await notify('urgent'), await notify('normal')]
    await eventually('the urgent one is sent', () => timesSent(urgent) === 1)
    expect(timesSent(normal)).toBe(0)

    await node.restart()
    const ids = [...before, ...meanwhile].map(({ orderId }) => orderId)
    const orders = await endedAll(system, ids, 90_000)
    expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completedOf([...before, ...meanwhile]))
    for (const id of ids) await wholeStory(system, id)
    await eventually('no message waits anywhere', isDrained, CLAIMS_END_WITHIN_MS)
    await expectAgreement(system, orders, initial)
    await eventually('the normal one is sent', () => timesSent(normal) > 0)
    // The message that asks for what went out already has come by now, and sent nothing.
    expect([timesSent(urgent), timesSent(normal)]).toEqual([1, 1])
    const shown = await system.get<object>(`/notifications/${urgent}`, 'notification')
    expect(shown).toMatchObject({ status: 'sent', attempts: [{ attempt: 1, outcome: 'sent' }] })
  },
  180_000,
)

it('that dies with all services: every order ends, with money, goods, mails and stories in agreement', async () => {
  const initial = await stockOf(system)
  const sweptBefore = await sweptAtStart()
  let takeMails = () => {}
  open = new Promise((resolve) => {
    takeMails = resolve
  })
  const forms = Array.from({ length: ORDERS }, (_, number) => orderForm('power', number))
  const ids = forms.map(({ orderId }) => orderId)
  // A 202 is never asked for again, so one that the crash had lost would be missing for ever.
  const placing = placeAll(system, forms)
  await eventually('some orders have ended, others are not even placed', async () => {
    const first = await system.order('power-0')
    return first.status === 'completed'
  })
  await Promise.all([node.kill(), ...serviceNames.map((service) => system.kill(service))])
  const left = await recordedMessages(system)
  takeMails()
  await Promise.all([node.restart(), ...serviceNames.map((service) => system.start(service))])
  expect((await sweptAtStart()) - sweptBefore).toBe(left)
  await placing

  const orders = await endedAll(system, ids, 90_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completedOf(forms))
  const stories: Story[] = []
  for (const id of ids) stories.push(await wholeStory(system, id))
  const mails = stories.flatMap(mailsOf)
  await eventually('every mail was taken', () => mails.every((id) => mail.accepted.has(id)), CLAIMS_END_WITHIN_MS)
  const taken = [...mail.accepted.keys()].filter((id) => id.startsWith('<power-'))
  expect(taken.sort()).toEqual(mails.sort())
  // The documented window: what a server had in hand when its client was killed may be taken, and sent again.
  expect(taken.filter((id) => (mail.accepted.get(id) ?? 0) > 1).length).toBeLessThanOrEqual(MAILS_UNDER_WAY_MAX)
  await eventually('no message waits anywhere', isDrained, CLAIMS_END_WITHIN_MS)
  await expectAgreement(system, orders, initial)
  expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
}, 180_000)

async function notify(priority: string): Promise<string> {
  const wanted = { to: { email: `${priority}@example.org` }, subject: 'x', body: 'y', priority }
  const { status, body } = await system.post('/notifications', wanted, 'notification')
  expect(status).toBe(202)
  return String(Object(body).id)
}

const timesSent = (id: string) => mail.accepted.get(`<${id}.email@orders.example>`) ?? 0

const isDrained = async () => Object.keys(await vhost.waiting()).length === 0

/** How many messages the services found in their outboxes and published. */
async function sweptAtStart(): Promise<number> {
  const lines = (await Promise.all(serviceNames.map(system.log))).flat()
  const sweeps = lines.filter(({ msg }) => msg === 'outbox: publishing left-behind messages')
  return sweeps.reduce((sum, { messages }) => sum + Number(messages), 0)
}
