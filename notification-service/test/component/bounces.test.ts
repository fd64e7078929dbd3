// Bounces and complaints taken in: by webhook and by mail, each once, and what they change.
import { createHmac } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { dsn } from '../dsn-mail.ts'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const secret = 'sixteen-characters-or-more'
const mail = { to: { email: 'ann@example.org' }, subject: 'Hi', body: 'There.', category: 'tips' }

async function opened(env: Record<string, string> = {}) {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const open = await openServices({ env: { SMTP_URL: server.url, ...env } })
  const { id } = (await open.post('/notifications', mail)).body
  await open.hear(`${id}/notification.sent/direct.email`)
  return { ...open, id: String(id), server }
}

it('Postmark tells of a hard bounce: undelivered, found as such, suppressed, and told once', async () => {
  const { post, get, hear, said, id } = await opened({ POSTMARK_WEBHOOK_SECRET: secret })
  const hook = {
    RecordType: 'Bounce',
    Type: 'HardBounce',
    MessageID: 'p1',
    Email: 'Ann@example.org',
    Metadata: { notification: id },
  }
  expect((await post('/callbacks/postmark?token=guess', hook)).status).toBe(401)
  for (let time = 0; time < 2; time++)
    expect((await post(`/callbacks/postmark?token=${secret}`, hook)).status).toBe(204)
  expect((await hear(`${id}/notification.undelivered/direct.email`)).data).toMatchObject({
    reason: 'postmark: HardBounce',
  })
  expect(said().filter((one) => one.includes('undelivered'))).toHaveLength(1)
  expect((await get('/notifications?status=undelivered')).body.notifications).toMatchObject([{ id }])
  expect((await get(`/notifications/${id}`)).body).toMatchObject({
    status: 'undelivered',
    deliveries: [{ provider: 'smtp', error: 'postmark: HardBounce' }],
    reports: [{ status: 'bounced', providerId: 'p1' }],
  })
  expect((await get('/suppressions')).body.suppressions).toMatchObject([
    { channel: 'email', address: 'ann@example.org' },
  ])
})

it('Mailgun tells of a complaint: suppressed, and opted out of its category; a copy of it is refused', async () => {
  const { post, get, id } = await opened({ MAILGUN_SIGNING_KEY: secret })
  const timestamp = String(Date.parse(at) / 1_000)
  const signature = {
    timestamp,
    token: 't',
    signature: createHmac('sha256', secret).update(`${timestamp}t`).digest('hex'),
  }
  const headers = { 'message-id': `${id}.email@orders.example` }
  const hook = { signature, 'event-data': { event: 'complained', recipient: mail.to.email, message: { headers } } }
  expect((await post('/callbacks/mailgun', { ...hook, signature: { ...signature, token: 'u' } })).status).toBe(403)
  expect((await post('/callbacks/mailgun', hook)).status).toBe(204)
  expect(await post('/callbacks/mailgun', hook)).toMatchObject({ status: 403, body: { code: 'signature_refused' } })
  expect((await get('/suppressions')).body.suppressions).toMatchObject([{ reason: 'mailgun: complaint' }])
  expect((await get(`/notifications/${id}`)).body).toMatchObject({
    status: 'sent',
    reports: [{ status: 'complained' }],
  })
})

it('callbacks of providers that are not configured, and what Amazon has not signed, are refused', async () => {
  const { post } = await opened({ SES_TOPIC_ARN: 'arn:aws:sns:eu-west-1:123456789012:bounces' })
  for (const provider of ['postmark', 'mailgun'])
    expect(await post(`/callbacks/${provider}`, {})).toMatchObject({
      status: 404,
      body: { code: 'callbacks_not_configured' },
    })
  const forged = { Type: 'Notification', Message: '{}', SigningCertURL: 'https://evil.example/x.pem' }
  expect(await post('/callbacks/ses', forged, { 'content-type': 'text/plain; charset=UTF-8' })).toMatchObject({
    status: 403,
  })
})

it('bounces in a mailbox are read once and moved; one about another address suppresses nobody', async () => {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  await mkdir(join(scratch.path, 'new'), { recursive: true })
  const { id, hear, get, start } = await opened()
  const messageId = `<${id}.email@orders.example>`
  await writeFile(join(scratch.path, 'new', '1.M1.host'), dsn({ id: messageId, to: 'forwarded@example.net' }))
  await writeFile(join(scratch.path, 'new', '2.M2.host'), 'Subject: I am away\r\n\r\nUntil Monday.')
  await start({ BOUNCES_DIR: scratch.path })
  expect((await hear(`${id}/notification.undelivered/direct.email`)).data).toMatchObject({
    reason: 'dsn: failed 5.1.1',
  })
  await eventually('all are moved', async () => (await readdir(join(scratch.path, 'new'))).length === 0)
  expect((await readdir(join(scratch.path, 'cur'))).sort()).toEqual(['1.M1.host:2,S', '2.M2.host:2,F'])
  expect((await get('/suppressions')).body.suppressions).toEqual([])
})
