// Everything a customer or an operator confides is followed through all services at the most talkative log level, failures
// of every kind included: no log line of anybody repeats any of it.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { ask, placing } from '../support/requests.ts'
import { type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

/** Each is found nowhere else, so that wherever it stands it came from here. */
const SECRETS = {
  email: 'Zephyrine.Quillfeather@mail.example.org',
  refusedEmail: 'Bartholomew.Oddfellow@mail.example.org',
  deferredEmail: 'Wilhelmina.Thistledown@mail.example.org',
  userAsAddress: 'Persephone.Nightingale@mail.example.org',
  phone: '+94 77 4815162342',
  push: 'push-device-83kd02mq',
  webhook: 'https://hooks.example.org/h/92hd8s01',
  address: '42 Marmalade Lane, Brambleton',
  card: 'tok_marmot8812',
  operatorToken: 'operator-token-7fh2k9',
  wrongToken: 'wrong-token-1m2n3b4v',
  customerToken: 'customer-token-8sj3d0',
  brokerPassword: 'br0ker-pa55-0fjw',
  mailPassword: 'ma1l-pa55-2kdu',
}

const USER = 'scribe'

/** Makes and removes the broker's user whose password must not be told. */
async function users(method: 'PUT' | 'DELETE', body?: object): Promise<void> {
  const answer = await fetch(`${process.env.TEST_MANAGEMENT_URL}/api/users/${USER}`, {
    method,
    headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  expect(answer.ok).toBe(true)
}

let vhost: Vhost
let mail: MailServer
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  await users('PUT', { password: SECRETS.brokerPassword, tags: '' })
  await vhost.api('PUT', `permissions/${USER}`, { configure: '.*', write: '.*', read: '.*' })
  const answers = new Map([
    [SECRETS.refusedEmail.toLowerCase(), [550, 550, 550, 550]],
    [SECRETS.deferredEmail.toLowerCase(), [451, 451]],
  ])
  mail = await startMailServer((recipient) => answers.get(recipient.toLowerCase())?.shift() ?? 250)
  const environment = {
    LOG_LEVEL: 'trace',
    OPERATOR_TOKENS: SECRETS.operatorToken,
    CUSTOMER_TOKENS: SECRETS.customerToken,
    SMTP_URL: mail.url.replace('://', `://postmaster:${SECRETS.mailPassword}@`),
    RATE_LIMIT_PER_MINUTE: '100000',
    // Nothing answers there: what the client of Redis says of it must not name the password either.
    REDIS_URL: `redis://:${SECRETS.brokerPassword}@127.0.0.1:1`,
  }
  const amqpUrl = vhost.amqpUrl.replace('guest:guest', `${USER}:${SECRETS.brokerPassword}`)
  system = await startSystem({ amqpUrl, environment })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await vhost?.remove()
  await users('DELETE')
}, 60_000)

const asOperator = { authorization: `Bearer ${SECRETS.operatorToken}` }

function place(form: object, token = SECRETS.customerToken) {
  const { headers, ...asked } = placing(form)
  return ask(`${system.url('order')}/orders`, { ...asked, headers: { ...headers, authorization: `Bearer ${token}` } })
}

const statusOf = async (orderId: string) => {
  const { body } = await ask(`${system.url('order')}/orders/${orderId}`, { headers: asOperator })
  return (JSON.parse(body) as { status: string }).status
}

it('no secret and nothing personal stands in any line', async () => {
  const contact = { phone: SECRETS.phone, push: SECRETS.push, webhook: SECRETS.webhook }
  const whole = { items: ['item1'], shippingAddress: SECRETS.address, paymentMethod: SECRETS.card }
  const forms = [
    { orderId: 'told', user: 'ann', contact: { ...contact, email: SECRETS.email }, ...whole },
    { orderId: 'refused', user: 'bob', contact: { ...contact, email: SECRETS.refusedEmail }, ...whole },
    { orderId: 'deferred', user: 'cid', contact: { ...contact, email: SECRETS.deferredEmail }, ...whole },
    { orderId: 'declined', user: SECRETS.userAsAddress, ...whole, paymentMethod: 'tok_declined' },
  ]
  for (const form of forms) expect((await place(form)).status).toBe(202)
  for (const { orderId } of forms)
    await eventually(`${orderId} has ended`, async () => /completed|cancelled/.test(await statusOf(orderId)))

  // Refused for their contents, their token, their path, their query.
  expect((await place({ ...forms[0], orderId: 7, contact: { email: `${SECRETS.email} ` } })).status).toBe(400)
  expect((await place({ ...forms[0] }, SECRETS.wrongToken)).status).toBe(401)
  for (const path of [`/orders/${SECRETS.email}`, `/orders?status=${SECRETS.email}`, `/${SECRETS.userAsAddress}`])
    await ask(`${system.url('order')}${path}`, { headers: asOperator })
  const direct = { to: { email: SECRETS.email }, subject: 'News', body: SECRETS.address }
  const sent = await ask(`${system.url('notification')}/notifications`, {
    ...placing(direct),
    headers: { 'content-type': 'application/json', ...asOperator },
  })
  expect(sent.status).toBe(202)

  for (const address of [SECRETS.phone, SECRETS.email]) {
    const path = `/suppressions/${encodeURIComponent(address)}`
    const taken = await ask(`${system.url('notification')}${path}`, { method: 'DELETE', headers: asOperator })
    expect(taken.status).toBe(404)
  }

  // Unreadable messages that quote all of it, into every kind of consumer.
  const body = Buffer.from(JSON.stringify({ specversion: '1.0', type: SECRETS.email, data: { ...forms[0], direct } }))
  const queues = ['order.queue', 'payment.queue', 'payment.rpc.queue', 'notification.email.queue', 'audit.queue']
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const queue of queues)
      channel.publish('', queue, body, { type: SECRETS.email, headers: { to: SECRETS.phone } })
  })
  await eventually('mails are refused, mails are deferred, and garbage is dead', async () => {
    const lines = [...(await system.log('notification')), ...(await system.log('payment'))]
    const has = (msg: string, code: RegExp) => lines.some((line) => line.msg === msg && code.test(JSON.stringify(line)))
    return (
      has('gave up', /mail_refused/) &&
      has('failed, will be tried again', /mail_deferred/) &&
      has('dead letter', /not_a_cloudevent|unknown_type/) &&
      lines.some(({ msg }) => msg === 'not sent: this channel has no provider')
    )
  })
  await vhost.cutConnections('')
  for (const service of serviceNames) await system.terminate(service)

  const logs = await Promise.all(serviceNames.map(async (service) => JSON.stringify(await system.log(service))))
  const text = logs.join('\n').toLowerCase()
  expect(text).toContain('redis is not reachable')
  // As it is, or as a URL has it.
  const stands = (secret: string) =>
    [secret, encodeURIComponent(secret)].some((form) => text.includes(form.toLowerCase()))
  const found = Object.entries(SECRETS).filter(([, secret]) => stands(secret))
  expect(found.map(([name]) => name)).toEqual([])
}, 120_000)
