// A customer is forgotten by the whole system: nothing that they confided is found anywhere any more, in whatever spelling, while the audit
// log still verifies and everybody else's orders are as they were. Each database has a test file that calls `forgottenSuite`.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { verifyLog } from '../../scripts/verify/log.ts'
import { spelledIn } from '../support/spellings.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

/** Each is found nowhere else, and is spelled so that no two encodings of it are the same. */
const CONFIDED = {
  user: 'Zephyrine Quillfeather-Ørsted',
  name: 'Zéphyrine Marmalade',
  email: 'Zephyrine.Quillfeather@Mail.Example.Org',
  phone: '+43 660 4815162',
  address: '42 Größenwahn Lane, Bramblętown',
}
const OTHER = { user: 'somebody else', name: 'Ulrike Other', contact: { email: 'ulrike@example.com' } }

/** `stored` gives what the databases hold besides the files, by name. */
export function forgottenSuite(
  environment: Record<string, string>,
  stored = async () => new Map<string, Buffer>(),
): void {
  let vhost: Vhost
  let system: System
  let othersStory: unknown

  beforeAll(async () => {
    vhost = await createVhost()
    system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { LOG_LEVEL: 'info', ...environment } })
    // Keeps a copy of every event, and of every dead letter, as a queue does whose consumer is away.
    await vhost.api('PUT', 'queues/kept', { durable: true })
    for (const exchange of ['audit.fanout.exchange', 'dead-letter.exchange'])
      await vhost.api('POST', `bindings/e/${exchange}/q/kept`, {})
  }, 120_000)

  afterAll(async () => {
    await system?.stop()
    await vhost?.remove()
  }, 60_000)

  const inQueue = () =>
    withChannel(vhost.amqpUrl, async (channel) => {
      const bodies: Buffer[] = []
      for (let message = await channel.get('kept'); message; message = await channel.get('kept'))
        bodies.push(message.content, Buffer.from(JSON.stringify(message.properties)))
      return Buffer.concat(bodies)
    })

  /** Everything below the system's folder, but the mails that its stand-in for a mail server has written: they were sent. */
  async function files(): Promise<Map<string, Buffer>> {
    const folder = join(system.dataDir, '..')
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const kept = paths.filter((path) => !relative(system.dataDir, path).startsWith('mail'))
    return new Map(await Promise.all(kept.map(async (path) => [relative(folder, path), await readFile(path)] as const)))
  }

  function found(places: ReadonlyMap<string, Buffer>, of: Partial<typeof CONFIDED> = CONFIDED): string[] {
    return [...places].flatMap(([place, bytes]) =>
      Object.entries(of).flatMap(([what, text]) => spelledIn(bytes, text).map((name) => `${place}: ${what}, ${name}`)),
    )
  }

  const storyOf = (orderId: string) =>
    eventually(`the story of ${orderId} is whole`, async () => {
      const story = await system.get<{ ended: string | null; gaps: object[] }>(`/audit/orders/${orderId}`, 'audit')
      return typeof story.ended === 'string' && story.gaps.length === 0 && story
    })

  it('before that, nothing of it stands in a message, in the audit log or in a table in plain text', async () => {
    const { user, name, email, phone, address } = CONFIDED
    const order = { user, name, contact: { email, phone }, shippingAddress: address }
    await system.post('/orders', { orderId: 'hers', ...order, items: ['item1', 'item2'] })
    await system.post('/orders', { orderId: 'others', ...OTHER, items: ['item1'] })
    await Promise.all(['hers', 'others'].map((orderId) => system.ended(orderId)))
    await storyOf('hers')
    othersStory = await storyOf('others')
    expect(await system.get('/orders/hers')).toMatchObject({ user, status: 'completed' })
    expect(found(new Map([['queue', await inQueue()]]))).toEqual([])
    const audit = new Map(
      [...(await files()), ...(await stored())].filter(([place]) => place.includes('audit-service')),
    )
    expect(audit.size).toBeGreaterThan(0)
    expect(found(audit)).toEqual([])
  }, 120_000)

  const providerDown = () => join(system.dataDir, 'payment-gateway.db.down')

  it('nor does a refund that is owed to her, and that an operator gave up', async () => {
    await writeFile(providerDown(), '')
    const wanted = { lines: [{ sku: 'item1', quantity: 1 }], reason: 'broken' }
    expect((await keyed('order', '/orders/hers/refund', 'one is broken', wanted)).status).toBe(202)
    await eventually('it is given up', async () => {
      const { retries } = await system.get<{ retries: { id: string }[] }>('/retries?type=payment.refund', 'payment')
      const [owed] = retries
      return owed && (await system.post(`/retries/${owed.id}/give-up`, {}, 'payment')).status === 202
    })
    await eventually('that is kept', async () => {
      const { refunds } = await system.get<{ refunds: { status: string }[] }>('/payments/hers', 'payment')
      return refunds[0]?.status === 'given_up'
    })
    const places = [...(await files()), ...(await stored())].filter(([place]) => place.includes('payment-service'))
    expect(places.length).toBeGreaterThan(0)
    expect(found(new Map(places))).toEqual([])
  }, 60_000)

  it('an operator finds what was said to her by her address', async () => {
    const to = new URLSearchParams({ to: CONFIDED.email.toLowerCase() })
    const { notifications } = await system.get<{ notifications: object[] }>(`/notifications?${to}`, 'notification')
    expect(notifications.length).toBeGreaterThan(0)
  })

  it('what is kept of her in plain text is found, so that it is missed once she is forgotten', async () => {
    const { user, email, phone, name } = CONFIDED
    const path = `/customers/${encodeURIComponent(user)}`
    const send = async (to: object, key: string) => {
      const mail = { to, subject: `Dear ${name}`, body: `We write to ${email}.` }
      expect((await keyed('notification', '/notifications', key, mail)).status).toBe(202)
    }
    await tell('PUT', path, { addresses: { email, phone: phone.replaceAll(' ', '') } })
    await tell('PUT', `${path}/preferences`, { categories: { order: { sms: false } } })
    await send({ customerId: user }, `to ${base64Of(email)}`)
    const reason = `${email} does not exist`
    await tell('POST', '/suppressions', { channel: 'email', address: email.toLowerCase(), reason })
    await send({ email }, 'the second')
    await eventually('it is not sent, since the address is suppressed', async () => {
      const { notifications } = await system.get<{ notifications: object[] }>(
        '/notifications?status=failed',
        'notification',
      )
      return notifications.length > 0
    })
    const order = { orderId: 'keyed', user, items: ['soldout'] }
    expect((await keyed('order', '/orders', `order of ${base64Of(email)}`, order)).status).toBe(202)
    await system.ended('keyed')
    await withChannel(vhost.amqpUrl, async (channel) => {
      const foreign = Buffer.from(JSON.stringify({ user, name, email }))
      channel.sendToQueue('shipping.queue', foreign, { type: 'payment.success', correlationId: 'hers' })
      await channel.waitForConfirms()
    })
    await eventually('it is a failed message', async () => {
      const { failed } = await system.get<{ failed: object[] }>('/failed?subject=hers', 'audit')
      return failed.length > 0
    })
    const places = [...(await files()), ...(await stored())].filter(([place]) => !place.endsWith('.log'))
    for (const service of ['order', 'notification', 'audit'])
      expect(found(new Map(places.filter(([place]) => place.includes(service)))), service).not.toEqual([])
    // The queue that keeps copies is no part of the system, and keeps what we have just sent.
    await inQueue()
  }, 60_000)

  const keyed = (service: 'order' | 'notification', path: string, key: string, body: object) =>
    fetch(`${system.url(service)}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    })

  const base64Of = (text: string) => Buffer.from(text).toString('base64')

  async function tell(method: 'PUT' | 'POST', path: string, body: object): Promise<void> {
    const answer = await fetch(`${system.url('notification')}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.ok, await answer.text()).toBe(true)
  }

  it('every service forgets her and says so, and the audit log has the receipt', async () => {
    const path = `/customers/${encodeURIComponent(CONFIDED.user)}/forget`
    expect(await system.post(path, {})).toMatchObject({ status: 202 })
    const progress = await eventually('all have forgotten her', async () => {
      const now = await system.get<{ customerId: string; completedAt: string | null; waitsFor: string[] }>(path)
      return now.completedAt !== null && now
    })
    expect(progress.waitsFor).toEqual([])
    const receipts = await eventually('the receipt is kept', async () => {
      const { events } = await system.get<{ events: { event: { subject: string; data: { services: string[] } } }[] }>(
        '/audit/events?type=order.customer_forgotten',
        'audit',
      )
      return events.length > 0 && events
    })
    expect(receipts.map(({ event }) => event)).toMatchObject([{ subject: progress.customerId, data: { request: '1' } }])
    expect(receipts[0]?.event.data.services).toHaveLength(6)
  }, 120_000)

  it('then nothing of it is found in any file, table or message, however it is spelled', async () => {
    const places = new Map([...(await files()), ...(await stored()), ['queue', await inQueue()] as const])
    expect(found(places)).toEqual([])
    const otherEmail = { email: OTHER.contact.email }
    // What is searched is what there is: the stand-in for a mail server, which was left out, has it.
    expect(found(new Map([['mails', Buffer.concat(await mails())]]), otherEmail)).not.toEqual([])
  }, 120_000)

  const mails = async () => {
    const folder = join(system.dataDir, 'mail')
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.eml'))
    return Promise.all(names.map((name) => readFile(join(folder, name))))
  }

  it('people are shown that she is forgotten, and everybody else as before', async () => {
    expect(await system.get('/orders/hers')).toMatchObject({ user: 'forgotten', status: 'completed' })
    expect(await system.get('/orders/others')).toMatchObject({ user: OTHER.user })
    expect(await storyOf('others')).toEqual(othersStory)
    const to = new URLSearchParams({ to: CONFIDED.email.toLowerCase() })
    expect(await system.get(`/notifications?${to}`, 'notification')).toMatchObject({ notifications: [] })
    const { notifications } = await system.get<{ notifications: { subject: string }[] }>(
      '/notifications?orderId=hers',
      'notification',
    )
    expect(new Set(notifications.map(({ subject }) => subject))).toEqual(new Set(['forgotten']))
  })

  it('the refund that is owed to her is made all the same', async () => {
    await rm(providerDown())
    expect(await system.post('/payments/hers/refund', {}, 'payment')).toMatchObject({ status: 202 })
    await eventually('it is made', async () => {
      const { refundedCents } = await system.get<{ refundedCents: number }>('/orders/hers')
      return refundedCents > 0
    })
  }, 60_000)

  it('nobody is told at an address that was suppressed, though it is kept by its hash only', async () => {
    const to = { email: CONFIDED.email }
    const { body } = await system.post('/notifications', { to, subject: 'Again', body: 'Here we are.' }, 'notification')
    const { id } = body as { id: string }
    const told = await eventually('it has failed', async () => {
      const one = await system.get<{ status: string; deliveries: { error: string }[] }>(
        `/notifications/${id}`,
        'notification',
      )
      return one.status === 'failed' && one
    })
    expect(told.deliveries).toMatchObject([{ error: 'suppressed: forgotten' }])
  })

  it('the audit log still is what was signed', async () => {
    const verified = await eventually('the newest checkpoint covers all', async () => {
      const question = { url: system.url('audit'), key: undefined, kept: undefined, bodies: true, token: undefined }
      const { wrong, size } = await verifyLog({ ...question, say: () => undefined })
      return size > 0 && { wrong }
    })
    expect(verified.wrong).toBeUndefined()
  }, 60_000)

  it('an order that is not paid when she is forgotten again is cancelled, whatever she confirmed, and nobody is told', async () => {
    const orderId = 'unpaid'
    await system.post('/orders', { orderId, user: CONFIDED.user, items: [{ sku: 'item10', quantity: 11 }] })
    await eventually('it waits for her', async () => (await system.order(orderId)).status === 'awaiting_confirmation')
    const path = `/customers/${encodeURIComponent(CONFIDED.user)}/forget`
    expect(await system.post(path, {})).toMatchObject({ status: 202, body: { request: '2' } })
    await eventually('all have forgotten her', async () => {
      const { completedAt } = await system.get<{ completedAt: string | null }>(path)
      return completedAt !== null
    })
    expect(await system.post(`/orders/${orderId}/payment/confirm`, {})).toMatchObject({ status: 202 })
    expect(await system.ended(orderId)).toMatchObject({ status: 'cancelled', reason: 'customer_forgotten' })
    await storyOf(orderId)
  }, 120_000)

  it('somebody of whom there is only an address is forgotten by name', async () => {
    const address = { addresses: { email: 'nothing.ordered@example.com' } }
    await tell('PUT', '/customers/onlooker', address)
    expect(await system.post('/customers/onlooker/forget', {})).toMatchObject({ status: 202 })
    await eventually('all have forgotten them', async () => {
      const { completedAt } = await system.get<{ completedAt: string | null }>('/customers/onlooker/forget')
      return completedAt !== null
    })
    const answer = await fetch(`${system.url('notification')}/customers/onlooker`)
    expect(answer.status).toBe(404)
  }, 60_000)

  it('she may order again, and is somebody then', async () => {
    await system.post('/orders', { orderId: 'again', user: CONFIDED.user, items: ['item1'] })
    expect(await system.ended('again')).toMatchObject({ status: 'completed', user: CONFIDED.user })
  }, 60_000)
}
