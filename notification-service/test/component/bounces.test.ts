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

it('what Mailgun has signed is taken once by all copies together, whatever it comes with', async () => {
  const { get, id, running, start } = await opened({ MAILGUN_SIGNING_KEY: secret })
  const signed = (timestamp: string, token: string) => ({
    timestamp,
    token,
    signature: createHmac('sha256', secret).update(`${seconds}e0t`).digest('hex'),
  })
  const seconds = String(Date.parse(at) / 1_000)
  const said = (event: object) => ({
    'event-data': { recipient: mail.to.email, 'user-variables': { notification: id }, ...event },
  })
  const tell = async (url: string, hook: object) => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(`${url}/callbacks/mailgun`, { method: 'POST', headers, body: JSON.stringify(hook) })).status
  }
  const opening = { signature: signed(seconds, 'e0t'), ...said({ event: 'opened' }) }
  const complaint = said({ event: 'complained' })
  const [first] = running
  expect(await tell(first?.url ?? '', opening)).toBe(204)
  const other = await start()
  for (const signature of [signed(seconds, 'e0t'), signed(`${seconds}e0`, 't')])
    expect(await tell(other.url, { signature, ...complaint })).toBe(403)
  expect((await get('/suppressions')).body.suppressions).toEqual([])
})

it('of two copies that are told the same at once, one takes it', async () => {
  const { id, running, start } = await opened({ MAILGUN_SIGNING_KEY: secret })
  const other = await start()
  const timestamp = String(Date.parse(at) / 1_000)
  const signature = createHmac('sha256', secret).update(`${timestamp}t`).digest('hex')
  const body = JSON.stringify({
    signature: { timestamp, token: 't', signature },
    'event-data': { event: 'delivered', recipient: mail.to.email, 'user-variables': { notification: id } },
  })
  const headers = { 'content-type': 'application/json' }
  const urls = [running[0]?.url, other.url, running[0]?.url, other.url]
  const answers = await Promise.all(
    urls.map((url) => fetch(`${url}/callbacks/mailgun`, { method: 'POST', headers, body })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 403, 403, 403])
})

it('a complaint of another address, as after a forwarding, changes nothing for this one', async () => {
  const { post, get, hear, id } = await opened({ POSTMARK_WEBHOOK_SECRET: secret })
  const complaint = { RecordType: 'SpamComplaint', Email: 'forwarded@example.net', Metadata: { notification: id } }
  expect((await post(`/callbacks/postmark?token=${secret}`, complaint)).status).toBe(204)
  expect((await get('/suppressions')).body.suppressions).toEqual([])
  const next = (await post('/notifications', mail)).body.id
  await hear(`${next}/notification.sent/direct.email`)
})

it('a complaint that names nobody opts out of the category, and suppresses nobody', async () => {
  const { post, get, hear, id } = await opened({ POSTMARK_WEBHOOK_SECRET: secret })
  await post(`/callbacks/postmark?token=${secret}`, { RecordType: 'SpamComplaint', Metadata: { notification: id } })
  expect((await get('/suppressions')).body.suppressions).toEqual([])
  const next = (await post('/notifications', mail)).body.id
  await hear(`${next}/notification.opted_out/direct.email`)
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

it.each([
  ['about another address', { to: 'forwarded@example.net' }],
  ['that names nobody', { finalTo: '', originalTo: '' }],
  ['that names somebody who cannot be read', { finalTo: 'rfc822; ann at example.org', originalTo: '' }],
])('bounces in a mailbox are read once and moved; one %s suppresses nobody', async (_, told) => {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  await mkdir(join(scratch.path, 'new'), { recursive: true })
  const { id, hear, get, start } = await opened()
  const messageId = `<${id}.email@orders.example>`
  await writeFile(join(scratch.path, 'new', '1.M1.host'), dsn({ id: messageId, ...told }))
  await writeFile(join(scratch.path, 'new', '2.M2.host'), 'Subject: I am away\r\n\r\nUntil Monday.')
  await start({ BOUNCES_DIR: scratch.path })
  expect((await hear(`${id}/notification.undelivered/direct.email`)).data).toMatchObject({
    reason: 'dsn: failed 5.1.1',
  })
  await eventually('all are moved', async () => (await readdir(join(scratch.path, 'new'))).length === 0)
  expect((await readdir(join(scratch.path, 'cur'))).sort()).toEqual(['1.M1.host:2,S', '2.M2.host:2,F'])
  expect((await get('/suppressions')).body.suppressions).toEqual([])
})
