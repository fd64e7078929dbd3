// The operator's command line, over failed messages of every kind: they are counted by cause, shown, sent again or archived, and
// sending again what was handled long ago changes nothing.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deadLetters, failedCount, failedMessages } from '../support/dead-letters.ts'
import { everythingKept, recordedMessages } from '../support/kept.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { settled, settledAtRest } from '../support/metrics.ts'
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

const cli = (...args: string[]) => deadLetters(system.url('audit'), args)
const BY = ['--operator', 'ann', '--reason', 'a test']

it('garbage is listed and shown with its reason and bytes, is linked to what comes back, and goes only when told to', async () => {
  await withChannel(vhost.amqpUrl, async (channel) => {
    channel.sendToQueue('inventory.queue', Buffer.from('no JSON at all'), { messageId: 'garbage-1' })
    channel.sendToQueue('inventory.queue', Buffer.from('{"specversion":"0.3"}'), { messageId: 'garbage-2' })
  })
  const failed = await failedCount(system, 2)
  const first = failed.find(({ messageId }) => messageId === 'garbage-1')?.id ?? ''

  const listed = await cli()
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout).toMatch(/^1 {2}inventory\.dlq .*undecodable: the body is not JSON$/m)
  expect(listed.stdout).toMatch(/^1 {2}inventory\.dlq .*not_a_cloudevent: specversion is not "1\.0"$/m)
  expect(listed.stdout).toContain('2 in all.')
  expect((await cli('letters', '--text', 'garbage-1')).stdout).toMatch(
    new RegExp(`^${first} .* inventory\\.dlq {2}inventory-service .*undecodable: the body is not JSON\\n$`),
  )

  // Who knows what stands in bytes that nobody can read.
  expect((await cli('show', first)).stdout).not.toContain('no JSON at all')
  const shown = await cli('show', first, ...BY)
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  expect(shown.stdout).toMatch(/attempt 1 {2}undecodable: the body is not JSON/)
  expect(shown.stdout).toMatch(/PermanentError: the body is not JSON\n +at /)
  expect(shown.stdout).toMatch(/^ {4}no JSON at all$/m)
  expect(shown.stdout).toMatch(/^The message itself is invalid[:.] /m)
  expect(shown.stdout).not.toContain('garbage-2')

  const rehearsed = await cli('rehearse', first)
  expect(rehearsed).toMatchObject({ code: 1, stderr: '' })
  expect(rehearsed.stdout).toMatch(/^It would fail again, with undecodable: the body is not JSON\n/)
  expect(rehearsed.stdout).toMatch(/PermanentError: the body is not JSON\n +at /)

  const queue = ['--queue', 'inventory.dlq', ...BY]
  expect(await cli('replay', ...queue)).toMatchObject({
    code: 0,
    stdout: 'There are 2. Look at them (letters), then add --expect 2.\n',
  })
  expect(await cli('replay', ...queue, '--expect', '3')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'there are 2 now, not 3: nothing was done\n',
  })
  const replayed = await cli('replay', ...queue, '--expect', '2', '--canary', '2', '--watch-ms', '20000')
  expect(replayed.code).toBe(1)
  expect(replayed.stdout).toMatch(/^2 of 2 sent again, \d failed again: stopped: \d of the messages sent failed again/m)
  const again = await failedCount(system, 2)
  expect(again.map(({ id }) => id)).not.toContain(first)
  expect((await cli('show', first)).stdout).toMatch(/^ {2}the same message: .*\nIt failed again: look at /m)

  const [one, other] = again.map(({ id }) => id)
  expect(await cli('archive', one ?? '', ...BY)).toEqual({ code: 0, stdout: '1 archived.\n', stderr: '' })
  expect((await failedMessages(system)).map(({ id }) => id)).toEqual([other])
  expect(await cli('archive', ...queue, '--expect', '1')).toEqual({ code: 0, stdout: '1 archived.\n', stderr: '' })
  expect(await cli('list')).toEqual({ code: 0, stdout: 'No failed messages.\n', stderr: '' })
  const acted = await cli('actions')
  expect(acted.stdout.match(/ann {2}(archive|replay) {2}a test/g)).toHaveLength(3)
  expect(await system.get('/audit/verify', 'audit')).toMatchObject({ ok: true })
  expect(await vhost.waiting()).toEqual({})
}, 180_000)

it('a command that does not exist, or that names nothing in particular, touches nothing', async () => {
  const letter = Buffer.from('still here')
  await withChannel(vhost.amqpUrl, async (channel) => channel.sendToQueue('payment.dlq', letter, { messageId: 'kept' }))
  const [kept] = await failedCount(system, 1)
  const [command, all, silent, nobody] = await Promise.all([
    cli('purge', 'payment'),
    cli('archive', ...BY),
    cli('archive', '--queue', 'payment.dlq'),
    deadLetters('http://127.0.0.1:1', ['list']),
  ])
  expect(command).toMatchObject({ code: 2, stdout: '' })
  expect(command.stderr).toMatch(/^unknown command purge\n/)
  expect(all).toMatchObject({ code: 2, stdout: '' })
  expect(all.stderr).toMatch(/^archive needs either ids or a filter\n/)
  expect(silent).toMatchObject({ code: 2, stdout: '' })
  expect(silent.stderr).toMatch(/^archive needs --reason TEXT\n/)
  expect(nobody).toMatchObject({ code: 1, stdout: '' })
  expect(nobody.stderr).toMatch(/^audit-service does not answer at http:\/\/127\.0\.0\.1:1: start it/)
  expect(await failedMessages(system)).toEqual([kept])
})

it('what was handled a month ago changes nothing: no stock, no charge, no mail, no event in the audit log', async () => {
  const forms = Array.from({ length: 10 }, (_, number) => orderForm('old', number))
  await placeAll(system, forms)
  const ids = forms.map(({ orderId }) => orderId)
  await endedAll(system, ids, 60_000)
  for (const id of ids) await wholeStory(system, id)
  await settledAtRest(system, vhost)
  await eventually('everything said is confirmed and forgotten', async () => (await recordedMessages(system)) === 0)
  const before = await keptByOthers()
  const eventsBefore = await eventsOf()

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
    await failedCount(system, letters.length, `queue=${queue}.dlq`)
    const countedBefore = await settledAtRest(system, vhost)
    const count = String(letters.length)
    const quickly = ['--canary', count, '--rate', '1000', '--watch-ms', '0']
    const replayed = await cli('replay', '--queue', `${queue}.dlq`, ...BY, '--expect', count, ...quickly)
    expect(replayed).toMatchObject({ code: 0, stderr: '' })
    expect(replayed.stdout).toContain(`${count} of ${count} sent again: done`)
    const key = `${queue}.queue handled`
    const wanted = { ...countedBefore, [key]: (countedBefore[key] ?? 0) + letters.length }
    await eventually('each is handled', async () => (await settled(system))[key] === wanted[key])
    await eventually('nothing is to be said', async () => (await recordedMessages(system)) === 0)
    expect(await settled(system)).toEqual(wanted)
  }
  expect(await keptByOthers()).toEqual(before)
  expect(await vhost.waiting()).toEqual({})
  expect(await eventsOf()).toEqual(eventsBefore)
}, 180_000)

/** What audit-service keeps is what the operator did, and the events, which are compared by themselves. */
async function keptByOthers() {
  const kept = await everythingKept(system)
  return Object.fromEntries(Object.entries(kept).filter(([table]) => !table.startsWith('audit-service')))
}

interface Envelope {
  id: string
  subject: string
  time: string
  [attribute: string]: unknown
}

/** What services have said. */
async function eventsOf(type?: string): Promise<Envelope[]> {
  const query = type === undefined ? '' : `&type=${type}`
  const page = await system.get<{ events: { event: Envelope }[]; next: number | null }>(
    `/audit/events?limit=999${query}`,
    'audit',
  )
  expect(page.next).toBeNull()
  return page.events.map(({ event }) => event).filter(({ subject }) => subject !== '/operators')
}

function aMonthEarlier(envelope: Envelope): Envelope {
  return { ...envelope, time: new Date(Date.parse(envelope.time) - MONTH_MS).toISOString() }
}
