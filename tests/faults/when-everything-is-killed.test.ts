// The power goes: all six services and the broker die at the same moment under load, and come back together. Every
// order that was answered 202 ends, and nothing is lost or doubled, not even the mails that were waiting.
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RabbitNode, startRabbitNode } from '../../scripts/broker/node.ts'
import { recordedMessages } from '../support/kept.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { CLAIMS_END_WITHIN_MS, type Story, wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 200
/** The prefetch of the e-mail channel. */
const MAILS_UNDER_WAY_MAX = 32

let folder: Awaited<ReturnType<typeof scratchFolder>>
let node: RabbitNode
let vhost: Vhost
let mail: MailServer
let system: System
let takeMails: () => void

beforeAll(async () => {
  folder = await scratchFolder()
  node = await startRabbitNode({ dir: folder.path })
  vhost = await createVhost(node.amqpUrl, node.managementUrl)
  const open = new Promise<void>((resolve) => {
    takeMails = resolve
  })
  mail = await startMailServer(() => open.then(() => 250))
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { SMTP_URL: mail.url, LOG_LEVEL: 'info' } })
}, 180_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await node?.stop()
  await folder?.remove()
}, 60_000)

it('every order ends, with money, goods and stories in agreement', async () => {
  const initial = await stockOf(system)
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
  expect(await sweptAtStart()).toBe(left)
  await placing

  const orders = await endedAll(system, ids, 90_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(ORDERS * 0.7)
  const stories: Story[] = []
  for (const id of ids) stories.push(await wholeStory(system, id))
  const mails = stories.flatMap(mailsOf)
  await eventually('every mail is taken', () => mails.every((id) => mail.accepted.has(id)), CLAIMS_END_WITHIN_MS)
  expect([...mail.accepted.keys()].sort()).toEqual(mails.sort())
  // The documented window: what a server had in hand when its client was killed may be taken, and sent again.
  expect([...mail.accepted.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(MAILS_UNDER_WAY_MAX)
  const isDrained = async () => Object.keys(await vhost.waiting()).length === 0
  await eventually('every queue has drained', isDrained, CLAIMS_END_WITHIN_MS)
  await expectAgreement(system, orders, initial)
  expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
}, 180_000)

/** How many messages the services found in their outboxes and published. */
async function sweptAtStart(): Promise<number> {
  const lines = (await Promise.all(serviceNames.map(system.log))).flat()
  const sweeps = lines.filter(({ msg }) => msg === 'outbox: publishing what was left behind')
  return sweeps.reduce((sum, { messages }) => sum + Number(messages), 0)
}

/** None had been taken when everything was killed, so each is to be taken once. */
function mailsOf({ entries }: Story): string[] {
  const requested = entries.filter(({ type }) => type === 'notification.requested')
  return requested.map(({ id }) => `<${id.replace('/notification.requested/', '.')}.email@orders.example>`)
}
