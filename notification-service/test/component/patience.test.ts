// A mail server that greylists or throttles is asked again for hours, by rows that an operator sees.
import { deferred } from '@orders/shared/runtime'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const start = Date.parse('2026-11-21T08:30:00.000Z')
const mail = { to: { email: 'ann@example.org' }, subject: 'Hi', body: 'There.' }

async function opened() {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  return { server, ...(await openServices({ env: { SMTP_URL: server.url } })) }
}

it.each([
  ['greylisted for two minutes', 451, 120],
  ['throttled for two hours', 454, 7_200],
])('a mail that is %s is sent, and nothing is given up', async (_, code, seconds) => {
  const { server, clock, broker, get, post } = await opened()
  server.refuse('recipient', ...Array.from({ length: 9 }, () => code))
  const { id } = (await post('/notifications', mail)).body
  const made = async () => (await get(`/notifications/${id}`)).body.attempts
  for (let tried = 1; tried <= 10; tried++) {
    await eventually(`attempt ${tried} is made`, async () => {
      if ((await made()).length >= tried) return true
      // One that is still under way is left alone by this, and asked again.
      for (const kept of (await get('/retries')).body.retries) await post(`/retries/${kept.id}/hasten`)
      return false
    })
    clock.now = new Date(start + (tried * seconds * 1_000) / 9).toISOString()
  }
  expect((await made()).map(({ outcome }: { outcome: string }) => outcome)).toEqual([
    ...Array(9).fill('failed'),
    'sent',
  ])
  expect(server.accepted).toHaveLength(1)
  expect(broker.messages('notification.email.dlq')).toEqual([])
})

it('one that is hastened or given up while it is being sent is sent once, and what came of it is kept', async () => {
  const { server, get, post, hear, hasten } = await opened()
  server.refuse('recipient', 451)
  const { id } = (await post('/notifications', mail)).body
  await eventually('it was tried', async () => (await get(`/notifications/${id}`)).body.attempts.length === 1)
  const answered = deferred<void>()
  server.answerAfter(answered.promise)
  await hasten()
  await eventually('the server has it', () => server.accepted.length === 1)
  const [kept] = (await get('/retries')).body.retries
  expect((await post(`/retries/${kept.id}/hasten`)).body).toEqual(kept)
  expect(await post(`/retries/${kept.id}/give-up`)).toMatchObject({ status: 409, body: { code: 'under_way' } })
  answered.resolve()
  await hear(`${id}/notification.sent/direct.email`)
  expect((await get('/retries')).body.retries).toEqual([])
  expect(server.accepted).toHaveLength(1)
})

it('a mail whose time is over while its server defers it is expired, and sent no more', async () => {
  const { server, clock, get, post, hastenUntil, broker } = await opened()
  server.refuse('recipient', 451)
  const { id } = (await post('/notifications', { ...mail, expiresAt: '2026-11-21T09:00:00Z' })).body
  await eventually('it was tried', async () => (await get(`/notifications/${id}`)).body.attempts.length === 1)
  clock.now = '2026-11-21T09:00:00.000Z'
  await hastenUntil(`${id}/notification.expired/direct.email`)
  expect([server.accepted, broker.messages('notification.email.dlq')]).toEqual([[], []])
})

it('no more mails go in a second than are to, by two copies together', async () => {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const { post, get, clock, hear } = await openServices({
    copies: 2,
    env: { SMTP_URL: server.url, MAILS_PER_SECOND: '1' },
  })
  const many = Array.from({ length: 6 }, () => mail)
  const ids: string[] = (await post('/notifications', many)).body.map(
    ({ notification }: { notification: { id: string } }) => notification.id,
  )
  // Those whose turn comes soon wait where they are; the clock of this test stands, so nobody's turn comes.
  await eventually(
    'those whose turn is later wait as rows',
    async () => (await get('/retries')).body.retries.length >= 3,
  )
  await eventually('one has gone', () => server.accepted.length === 1)
  clock.now = '2026-11-21T08:31:00.000Z'
  for (const id of ids) await hear(`${id}/notification.sent/direct.email`)
  expect(server.accepted).toHaveLength(6)
})
