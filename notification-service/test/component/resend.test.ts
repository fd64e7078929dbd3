// What failed or did not arrive is said again, once for each request of an operator.
import { openSqlite } from '@orders/shared/storage'
import { expect, it, onTestFinished } from 'vitest'
import { forgetterOf } from '../../forgetting/forget.ts'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const mail = { to: { email: 'ann@example.org' }, subject: 'Hi', body: 'There.' }
const wanted = { reason: 'the mailbox is open again' }

async function opened() {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const open = await openServices({ env: { SMTP_URL: server.url } })
  const again = (id: string, body: object = wanted, headers: Record<string, string> = {}) =>
    open.post(`/notifications/${id}/resend`, body, headers)
  return { server, again, ...open }
}

it('a mail that failed is sent again under an id of its own, and a repeat with the same key sends nothing', async () => {
  const { server, again, post, get, hear, said } = await opened()
  server.refuse('recipient', 554)
  const { id } = (await post('/notifications', mail)).body
  await hear(`${id}/notification.failed/direct.email`)
  const key = { 'idempotency-key': 'k' }
  expect(await again(id, wanted, key)).toMatchObject({ status: 202, body: { id, channels: { email: 'waiting' } } })
  await hear(`${id}/notification.sent/direct.email.2`)
  expect((await again(id, wanted, key)).status).toBe(202)
  expect(await again(id, { reason: 'another' }, key)).toMatchObject({
    status: 422,
    body: { code: 'idempotency_key_reused' },
  })
  expect(said().filter((one) => one.includes('requested'))).toEqual([
    `${id}/notification.requested/direct`,
    `${id}/notification.requested/direct.email.2`,
  ])
  expect(server.accepted.map(({ mail: { messageId } }) => messageId)).toEqual([`<${id}.email.2@orders.example>`])
  expect((await get(`/notifications/${id}`)).body).toMatchObject({
    status: 'sent',
    deliveries: [{ generation: 2, attempts: 1 }],
    attempts: [{ outcome: 'failed' }, { outcome: 'sent' }],
  })
})

it('what was sent is sent again only by force, and both sendings are shown', async () => {
  const { server, again, post, get, hear } = await opened()
  const { id } = (await post('/notifications', mail)).body
  await hear(`${id}/notification.sent/direct.email`)
  expect(await again(id)).toMatchObject({ status: 409, body: { code: 'not_resendable', detail: 'it is sent' } })
  expect((await again(id, { ...wanted, channel: 'sms' })).body).toMatchObject({ code: 'no_address' })
  expect((await again('nothing')).status).toBe(404)
  expect((await again(id, {})).status).toBe(400)
  expect((await again(id, { ...wanted, force: true })).status).toBe(202)
  await hear(`${id}/notification.sent/direct.email.2`)
  expect(server.accepted).toHaveLength(2)
  expect((await get(`/notifications/${id}`)).body.attempts).toMatchObject([{ outcome: 'sent' }, { outcome: 'sent' }])
})

it('what was said to whoever is forgotten is not sent again, and whoever asks for it is told so at once', async () => {
  const { server, again, post, put, get, hear, said, folder } = await opened()
  await put('/customers/ann', { addresses: mail.to })
  const { id } = (await post('/notifications', { ...mail, to: { customerId: 'ann' } })).body
  await hear(`${id}/notification.sent/direct.email`)
  const database = openSqlite(`${folder}/notification-service.db`)
  const submit = async () => expect.unreachable('nothing is open')
  const ann = { ownerId: `cus_${'a'.repeat(26)}`, names: ['ann'], subjects: [] }
  await forgetterOf({ database, commit: { submit }, now: () => new Date() })([ann])
  await database.close()
  const before = said()
  for (const _ of ['once', 'twice'])
    expect(await again(id, { ...wanted, force: true })).toMatchObject({
      status: 409,
      body: { code: 'not_resendable', detail: 'its customer is forgotten' },
    })
  expect(said()).toEqual(before)
  expect(server.accepted).toHaveLength(1)
  expect((await get(`/notifications/${id}`)).body).toMatchObject({ status: 'sent', subject: 'forgotten' })
})
