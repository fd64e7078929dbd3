// The operator's command line, over dead letters of every kind: what lies there is shown, sent again or removed, and
// sending again what was handled long ago changes nothing.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deadLetters } from '../support/dead-letters.ts'
import { everythingKept, recordedMessages } from '../support/kept.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { settled } from '../support/metrics.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

const MONTH_MS = 30 * 24 * 60 * 60 * 1_000

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const cli = (...args: string[]) => deadLetters(vhost.amqpUrl, args)

const inDeadLetters = async (queue: string, count: number) =>
  eventually(`${queue} holds ${count}`, async () => ((await vhost.waiting())[queue] ?? 0) === count)

it('garbage is listed and shown with its reason and bytes, comes back when sent again, and goes only when told to', async () => {
  await withChannel(vhost.amqpUrl, async (channel) => {
    channel.sendToQueue('inventory.queue', Buffer.from('no JSON at all'), { messageId: 'garbage-1' })
    channel.sendToQueue('inventory.queue', Buffer.from('{"specversion":"0.3"}'), { messageId: 'garbage-2' })
  })
  await inDeadLetters('inventory.dlq', 2)

  const listed = await cli('list')
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toMatch(/^inventory\.dlq {2}2\n/)
  expect(listed.stdout).toMatch(/inventory-service .*garbage-1 +undecodable: the body is not JSON\n/)
  expect(listed.stdout).toMatch(/inventory-service .*garbage-2 +not_a_cloudevent: specversion is not "1\.0"\n/)
  expect(listed.stdout).toContain('2 in all.')

  const shown = await cli('show', 'inventory', '--id', 'garbage-1')
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  expect(shown.stdout).toMatch(/attempt 1 {2}undecodable: the body is not JSON/)
  expect(shown.stdout).toMatch(/PermanentError: the body is not JSON\n +at /)
  expect(shown.stdout).toMatch(/^ {4}no JSON at all$/m)
  expect(shown.stdout).not.toContain('garbage-2')

  const replayed = await cli('replay', 'inventory.dlq')
  expect(replayed).toEqual({ code: 0, stdout: '2 from inventory.dlq sent again.\n', stderr: '' })
  await inDeadLetters('inventory.dlq', 2)

  const one = await cli('discard', 'inventory', '--id', 'garbage-2')
  expect(one).toEqual({ code: 0, stdout: '1 from inventory.dlq discarded.\n', stderr: '' })
  await inDeadLetters('inventory.dlq', 1)
  const all = await cli('discard', 'inventory', '--all')
  expect(all).toEqual({ code: 0, stdout: '1 from inventory.dlq discarded.\n', stderr: '' })
  expect(await cli('list')).toEqual({ code: 0, stdout: 'No dead letters.\n', stderr: '' })
})

it('a queue or a command that does not exist, and a discard of nothing in particular, touch nothing', async () => {
  const letter = Buffer.from('still here')
  await withChannel(vhost.amqpUrl, async (channel) => channel.sendToQueue('payment.dlq', letter, { messageId: 'kept' }))
  const [queue, command, discard] = await Promise.all([
    cli('replay', 'invoices.dlq'),
    cli('purge', 'payment'),
    cli('discard', 'payment'),
  ])
  expect(queue).toMatchObject({ code: 2, stdout: '' })
  expect(queue.stderr).toMatch(
    /^no such queue: invoices\.dlq; there are order\.dlq, inventory\.dlq, .*unrouted\.queue\n/,
  )
  expect(command).toMatchObject({ code: 2, stdout: '' })
  expect(command.stderr).toMatch(/^unknown command purge\n/)
  expect(discard).toMatchObject({ code: 2, stdout: '' })
  expect(discard.stderr).toMatch(/^discard needs --id ID, or --all\n/)
  await withChannel(vhost.amqpUrl, async (channel) => {
    const kept = await channel.get('payment.dlq', { noAck: true })
    expect(kept).toMatchObject({ content: letter })
  })
})

it('what was handled a month ago changes nothing: no stock, no charge, no mail, no entry in the audit log', async () => {
  const forms = Array.from({ length: 10 }, (_, number) => orderForm('old', number))
  await placeAll(system, forms)
  const ids = forms.map(({ orderId }) => orderId)
  await endedAll(system, ids, 60_000)
  for (const id of ids) await wholeStory(system, id)
  await eventually('everything said is confirmed and forgotten', async () => (await recordedMessages(system)) === 0)
  const before = await everythingKept(system)

  // One of each for every order, as if they had failed back then and were handled since.
  const queues = { 'order.created': 'inventory', 'notification.requested': 'notification.email' }
  for (const [type, queue] of Object.entries(queues)) {
    const letters = (await eventsOf(type)).map(aMonthEarlier)
    await withChannel(vhost.amqpUrl, async (channel) => {
      for (const { id, subject, ...envelope } of letters)
        channel.sendToQueue(`${queue}.dlq`, Buffer.from(JSON.stringify({ id, subject, ...envelope })), {
          messageId: id,
          correlationId: subject,
          type,
          persistent: true,
          headers: { attempt: 4, queue: `${queue}.queue`, 'error-code': 'Error', 'error-message': 'back then' },
        })
    })
    const countedBefore = await settled(system)
    const replayed = await cli('replay', queue)
    expect(replayed).toEqual({ code: 0, stdout: `${letters.length} from ${queue}.dlq sent again.\n`, stderr: '' })
    const key = `${queue}.queue handled`
    const wanted = { ...countedBefore, [key]: (countedBefore[key] ?? 0) + letters.length }
    await eventually('each is handled', async () => (await settled(system))[key] === wanted[key])
    await eventually('nothing is to be said', async () => (await recordedMessages(system)) === 0)
    expect(await settled(system)).toEqual(wanted)
  }
  expect(await everythingKept(system)).toEqual(before)
  expect(await vhost.waiting()).toEqual({})
  const eventIds = (await eventsOf()).map(({ id }) => id)
  expect(new Set(eventIds).size).toBe(eventIds.length)
})

interface Envelope {
  id: string
  subject: string
  time: string
  [attribute: string]: unknown
}

async function eventsOf(type?: string): Promise<Envelope[]> {
  const query = type === undefined ? '' : `&type=${type}`
  const page = await system.get<{ events: { event: Envelope }[]; next: number | null }>(
    `/audit/events?limit=999${query}`,
    'audit',
  )
  expect(page.next).toBeNull()
  return page.events.map(({ event }) => event)
}

function aMonthEarlier(envelope: Envelope): Envelope {
  return { ...envelope, time: new Date(Date.parse(envelope.time) - MONTH_MS).toISOString() }
}
