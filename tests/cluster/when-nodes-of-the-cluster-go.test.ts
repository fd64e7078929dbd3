// A cluster of three nodes under load: one is stopped, the one that leads most queues is killed, and in the end they lose sight
// of each other. Clients move over, whatever was accepted ends, and nothing is lost or doubled, not even a mail.
import { topology } from '@orders/shared/contracts'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RabbitCluster, startRabbitCluster } from '../../scripts/broker/cluster.ts'
import type { RabbitNode } from '../../scripts/broker/node.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { mailsOf, type Story, typesOf, wholeStory } from '../support/story.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const LIMIT_MS = 240_000
/** What was on its way to a leader that is gone, from client or timer, is sent again after half a minute at most. */
const ENDED_WITHIN_MS = 120_000

let folder: Awaited<ReturnType<typeof scratchFolder>>
let cluster: RabbitCluster
let vhost: Vhost
let mail: MailServer
let system: System
let initial: Awaited<ReturnType<typeof stockOf>>
const placed: string[] = []

beforeAll(async () => {
  // As nodes of a cluster have it: what replicas wait for is each other's disk.
  folder = await scratchFolder({ onDisk: true })
  cluster = await startRabbitCluster({ dir: folder.path, nodes: 3 })
  const { amqpUrl, managementUrl } = nodeAt(0)
  vhost = await createVhost(amqpUrl, managementUrl)
  mail = await startMailServer()
  system = await startSystem({
    amqpUrl: `${cluster.amqpUrl}/${vhost.name}`,
    environment: { SMTP_URL: mail.url },
  })
  initial = await stockOf(system)
}, LIMIT_MS)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  // Nobody needs what they would write.
  await Promise.all(cluster?.nodes.map((node) => node.kill()) ?? [])
  await cluster?.stop()
  await folder?.remove()
}, 60_000)

describe('a cluster', { timeout: LIMIT_MS }, () => {
  it('has no queue on one node only', async () => {
    for (const members of Object.values(await queues<string[]>('members'))) expect(members).toHaveLength(3)
  })

  it('of which a node is stopped: orders end while it is away', async () => {
    const load = startLoad('stopped')
    await nodeAt(1).stop()
    await load.finish()
    await eventually('all services have moved over', everybodyIsReady)
    await nodeAt(1).restart()
  })

  it('whose leader of most queues is killed: orders end and questions are answered while it is away', async () => {
    const leading = await leader()
    const load = startLoad('killed')
    await leading.kill()
    await load.finish()
    await eventually('all services have moved over', everybodyIsReady)
    await eventually('questions are answered', async () => (await paymentOf('killed-0')).status === 200)

    // Whoever publishes on a new channel before the new leaders are on record is refused, for as long as it keeps the channel.
    await system.kill('order')
    await system.start('order')
    const forms = Array.from({ length: 10 }, (_, number) => orderForm('refused', number))
    const ids = forms.map(({ orderId }) => orderId)
    placed.push(...ids)
    await recordAsLeader(leading)
    await placeAll(system, forms)
    await endedAll(system, ids, ENDED_WITHIN_MS)
    await leading.restart()
  })

  it('whose nodes lose sight of each other: orders end while two are together, and are taken while none are', async () => {
    const first = await leader()
    const load = startLoad('parted')
    await isolate(first)
    await eventually('it has paused, so that no two sides decide', () => isPaused(first), ENDED_WITHIN_MS)
    await load.finish()
    await eventually('all services have moved over', everybodyIsReady)

    const second = cluster.nodes.find((node) => node !== first)
    if (!second) throw new Error('there are three')
    await isolate(second)
    const forms = Array.from({ length: 10 }, (_, number) => orderForm('alone', number))
    placed.push(...forms.map(({ orderId }) => orderId))
    await placeAll(system, forms)

    await Promise.all([rejoin(first), rejoin(second)])
    await eventually('all services are connected again', everybodyIsReady, ENDED_WITHIN_MS)
  })

  it('afterwards money, goods, stories and mails agree', async () => {
    const orders = await endedAll(system, placed, ENDED_WITHIN_MS)
    expect(orders.filter(({ status }) => status === 'completed')).toHaveLength((placed.length * 7) / 10)
    const stories: Story[] = []
    for (const id of placed) stories.push(await wholeStory(system, id))
    const requested = stories.flatMap(mailsOf).sort()
    await eventually('every mail is sent', () => mail.accepted.size >= requested.length)
    expect([...mail.accepted].sort()).toEqual(requested.map((id) => [id, 1]))
    for (const story of stories.filter(({ ended }) => ended === 'completed')) {
      const { 'notification.sent': sent = 0, 'notification.superseded': old = 0 } = typesOf(story)
      // What waited until later news had made it old is not sent any more.
      expect(sent + old).toBe(4)
    }
    await eventually('every queue has drained', async () => Object.keys(await vhost.waiting()).length === 0)
    await expectAgreement(system, orders, initial)
    expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
  })
})

/** Places twenty orders, waits until all have ended, and goes on so until it is told to finish. */
function startLoad(prefix: string): { finish(): Promise<void> } {
  let going = true
  async function run(): Promise<void> {
    for (let first = 0; going; first += 20) {
      const forms = Array.from({ length: 20 }, (_, number) => orderForm(prefix, first + number))
      const ids = forms.map(({ orderId }) => orderId)
      placed.push(...ids)
      await placeAll(system, forms)
      await endedAll(system, ids, ENDED_WITHIN_MS)
    }
  }
  const running = run()
  // Told by `finish`, to the test that waits for it.
  running.catch(() => undefined)
  return {
    finish() {
      going = false
      return running
    },
  }
}

function nodeAt(index: number): RabbitNode {
  const node = cluster.nodes[index]
  if (!node) throw new Error(`the cluster has no node ${index}`)
  return node
}

/** What the management API says of each queue of the topology. */
async function queues<T>(property: string): Promise<Record<string, T>> {
  const rows = (await vhost.api('GET', 'queues')) as { name: string; [property: string]: unknown }[]
  expect(rows).toHaveLength(topology.queues.length)
  return Object.fromEntries(rows.map((row) => [row.name, row[property] as T]))
}

/** The node that leads most queues. */
async function leader(): Promise<RabbitNode> {
  const leaders = Object.values(await queues<string>('leader'))
  const count = ({ name }: RabbitNode) => leaders.filter((leading) => leading === name).length
  const [most] = cluster.nodes.toSorted((a, b) => count(b) - count(a))
  if (!most || count(most) === 0) throw new Error('nobody leads')
  return most
}

/** Sets the records of all queues back to a leader that is gone, as they are for a moment after its end. */
async function recordAsLeader(gone: RabbitNode): Promise<void> {
  const alive = cluster.nodes.find((node) => node !== gone)
  const setBack = `fun(Q) -> {Name, _} = amqqueue:get_pid(Q), amqqueue:set_pid(Q, {Name, '${gone.name}'}) end`
  const each = `[rabbit_amqqueue:update(amqqueue:get_name(Q), ${setBack}) || Q <- rabbit_amqqueue:list(<<"${vhost.name}">>)]`
  // RabbitMQ 4 has a module for it, which brings the transaction along.
  const tellAll = `case code:which(rabbit_db_queue) of non_existing -> rabbit_misc:execute_mnesia_transaction(All); _ -> All() end`
  await alive?.rabbitmqctl(['eval', `All = fun() -> ${each} end, ${tellAll}.`])
}

/** Cuts a node's links to all others, and refuses new ones: each side takes the other for dead. */
async function isolate(node: RabbitNode): Promise<void> {
  const cut = namesBut(node).map((name) => `erlang:set_cookie('${name}', cut), erlang:disconnect_node('${name}')`)
  await node.rabbitmqctl(['eval', `${cut.join(', ')}.`])
}

async function rejoin(node: RabbitNode): Promise<void> {
  const known = namesBut(node).map((name) => `erlang:set_cookie('${name}', erlang:get_cookie())`)
  await node.rabbitmqctl(['eval', `${known.join(', ')}.`])
}

const namesBut = (one: RabbitNode) => cluster.nodes.filter((node) => node !== one).map(({ name }) => name)

/** A node that sees too few others closes its doors. */
function isPaused({ managementUrl }: RabbitNode): Promise<boolean> {
  return fetch(managementUrl).then(
    () => false,
    () => true,
  )
}

async function readiness(): Promise<boolean[]> {
  return Promise.all(serviceNames.map(async (service) => (await fetch(`${system.url(service)}/health/ready`)).ok))
}

async function everybodyIsReady(): Promise<boolean> {
  return (await readiness()).every(Boolean)
}

function paymentOf(orderId: string): Promise<Response> {
  return fetch(`${system.url('order')}/orders/${orderId}/payment`)
}
