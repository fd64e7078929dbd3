// Somebody is given what is held of them: each row of each service that is theirs, readable, and nothing of anybody else; and once they
// are forgotten, nothing that tells about them. Each database has a test file that calls `exportedSuite`.
import type { Holdings } from '@orders/shared/runtime'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { failedCount } from '../support/dead-letters.ts'
import { spelledIn } from '../support/spellings.ts'
import { type ServiceName, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

const HERS = {
  user: 'Zephyrine Quillfeather-Ørsted',
  name: 'Zéphyrine Marmalade',
  email: 'Zephyrine.Quillfeather@Mail.Example.Org',
  phone: '+436604815162',
  address: '42 Größenwahn Lane, Bramblętown',
}
const OTHERS = {
  user: 'Ulrike Nobody-Else',
  name: 'Ulrike Other',
  contact: { email: 'ulrike@example.net' },
  shippingAddress: '7 Elsewhere Road',
}

export type Row = Record<string, unknown>
interface Found {
  service: string
  table: string
  record: Row
}
interface Export {
  customerId: string
  records: Found[]
  missing: { service: string; why: string }[]
  isComplete: boolean
}

/** `rowsIn` gives all rows of a table of a service as they are stored. */
export function exportedSuite(
  environment: Record<string, string>,
  rowsIn: (system: System, service: ServiceName, table: string) => Promise<Row[]>,
): void {
  let vhost: Vhost
  let system: System

  beforeAll(async () => {
    vhost = await createVhost()
    // What waits for the gateway waits for longer than the tests take.
    const patience = { PAYMENT_PATIENCE_MS: '600000' }
    system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { ...patience, ...environment } })
  }, 120_000)

  afterAll(async () => {
    await system?.stop()
    await vhost?.remove()
  }, 60_000)

  const by = new URLSearchParams({ operator: 'ann', reason: 'she has asked for it' })

  async function exportOf(customer: string): Promise<{ text: string; whole: Export }> {
    const answer = await fetch(`${system.url('order')}/customers/${encodeURIComponent(customer)}/export?${by}`)
    expect(answer.status).toBe(200)
    const text = await answer.text()
    return { text, whole: JSON.parse(text) as Export }
  }

  const spelled = (text: string, of: Partial<typeof HERS> = HERS) =>
    Object.entries(of).flatMap(([what, one]) => spelledIn(Buffer.from(text), one).map((name) => `${what}, ${name}`))

  async function tell(method: 'PUT' | 'POST', path: string, body: object): Promise<void> {
    const answer = await fetch(`${system.url('notification')}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.ok, await answer.text()).toBe(true)
  }

  async function send(to: object): Promise<string> {
    const direct = { to, subject: 'About your order', body: 'It is nearly there.' }
    const { status, body } = await system.post('/notifications', direct, 'notification')
    expect(status).toBe(202)
    return (body as { id: string }).id
  }

  interface Story {
    ended: string | null
    gaps?: { after: string | null }[]
  }

  /** Waits until the audit tells this of an order or of a notification. */
  async function told(id: string, isSo: (story: Story) => boolean): Promise<void> {
    let seen: Story | undefined
    await eventually(
      () => `the story of ${id} is whole: ${JSON.stringify({ ended: seen?.ended, gaps: seen?.gaps })}`,
      async () => {
        seen = await system.get<Story>(`/audit/orders/${id}`, 'audit')
        return isSo(seen)
      },
    )
  }

  const settled = (orderId: string) =>
    told(orderId, ({ ended, gaps }) => typeof ended === 'string' && gaps?.length === 0)

  /** What names something of hers, wherever it stands. */
  const hers = new Set<string>()

  it('two customers order, and what each service keeps of one of them is of every kind', async () => {
    const { user, name, email, phone, address } = HERS
    const order = { user, name, contact: { email, phone }, shippingAddress: address }
    const keyed = await fetch(`${system.url('order')}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'her-own-key' },
      body: JSON.stringify({ ...order, items: ['item1', 'item2'] }),
    })
    const { orderId } = (await keyed.json()) as { orderId: string }
    await system.post('/orders', { orderId: 'hers-2', ...order, items: ['item1'], paymentMethod: 'tok_gateway_down' })
    await system.post('/orders', { orderId: 'others-1', ...OTHERS, items: ['item1'] })
    const path = `/customers/${encodeURIComponent(user)}`
    await tell('PUT', path, { addresses: { email, phone } })
    await tell('PUT', `${path}/preferences`, { categories: { order: { sms: false } } })
    const direct = [await send({ customerId: user }), await send({ email })]
    await send({ email: OTHERS.contact.email })
    await withChannel(vhost.amqpUrl, async (channel) => {
      channel.sendToQueue('shipping.queue', Buffer.from('{}'), { type: 'payment.success', correlationId: orderId })
      await channel.waitForConfirms()
    })
    await system.ended(orderId)
    await system.ended('others-1')
    await settled(orderId)
    await settled('others-1')
    await told('hers-2', ({ gaps = [] }) => gaps.length === 1 && gaps[0]?.after === 'inventory.reserved')
    for (const id of direct) await told(id, ({ gaps }) => gaps?.length === 0)
    // Only now: mail to a suppressed address fails, and is missed.
    await tell('POST', '/suppressions', { channel: 'email', address: email, reason: 'she said so' })
    await failedCount({ get: (asked) => system.get(asked, 'audit') }, 1)
    await eventually('her payment waits for the gateway', async () => {
      const { retries } = await system.get<{ retries: object[] }>('/retries?subject=hers-2', 'payment')
      return retries.length > 0
    })
    for (const one of [orderId, 'hers-2', ...direct]) hers.add(one)
  }, 120_000)

  it('she is given each row that is hers, readable, and nothing of anybody else', async () => {
    const { text, whole } = await exportOf(HERS.user)
    expect(whole).toMatchObject({ missing: [], isComplete: true })
    hers.add(whole.customerId)
    const wanted = [...hers, HERS.user, HERS.email.toLowerCase(), HERS.email, HERS.phone]
    const left: string[] = []
    const counted = new Map<string, number>()
    for (const service of serviceNames) {
      const definition = definitions.find(({ name }) => name === `${service}-service`)
      for (const [table, holding] of Object.entries(definition?.holdings as Holdings)) {
        // What is packed is searched for below.
        if (typeof holding === 'string' || table === 'blocks') continue
        const rows = await rowsIn(system, service, table)
        const theirs = rows.filter((row) => namesOneOf(row, wanted))
        counted.set(`${service} ${table}`, theirs.length)
        for (const row of theirs)
          if (!whole.records.some((found) => found.service === `${service}-service` && isOf(row, table, found)))
            left.push(`${service} ${table} ${JSON.stringify(row)}`)
      }
    }
    expect(left).toEqual([])
    // What was searched for was there.
    for (const place of ['order facts', 'order idempotency_keys', 'inventory reservations', 'payment payments'])
      expect(counted.get(place), place).toBeGreaterThan(0)
    for (const table of ['notifications', 'deliveries', 'customers', 'mailboxes', 'preferences', 'suppressions'])
      expect(counted.get(`notification ${table}`), table).toBeGreaterThan(0)
    for (const table of ['shipments'] as const) expect(counted.get(`shipping ${table}`)).toBeGreaterThan(0)
    expect(counted.get('audit failures')).toBe(1)
    for (const table of ['retries', 'keys.personal_keys'])
      expect(whole.records.filter((found) => found.table === table).length, table).toBeGreaterThan(0)
    const { events } = await system.get<{ events: { sequence: number; subject: string; type: string }[] }>(
      '/audit/events?limit=999',
      'audit',
    )
    // That it was asked for may be kept after it was given.
    const isHers = ({ subject, type }: (typeof events)[number]) => hers.has(subject) && !type.endsWith('_exported')
    const kept = events.filter(isHers).map(({ sequence }) => sequence)
    const given = whole.records.flatMap(({ table, record }) => (table === 'blocks' ? [record.sequence] : []))
    expect(kept.length).toBeGreaterThan(20)
    expect(kept.filter((sequence) => !given.includes(sequence))).toEqual([])

    for (const [what, one] of Object.entries(HERS)) expect(spelled(text, { [what]: one }), what).not.toEqual([])
    expect(text).not.toContain('"wrapped"')
    expect(text).not.toContain('enc:1:')
    const { user, name, contact, shippingAddress: address } = OTHERS
    expect(spelled(text, { user, name, email: contact.email, address })).toEqual([])
    expect(text).not.toContain('others-1')
  }, 120_000)

  it('who asked and why is on record, like whatever else operators do', async () => {
    const actions = await eventually('the action is kept', async () => {
      const answer = await system.get<{ actions: object[] }>('/actions', 'audit')
      return answer.actions.length > 0 && answer.actions
    })
    expect(actions).toMatchObject([{ operator: 'ann', reason: 'she has asked for it', action: 'export' }])
  })

  it('a service that does not answer is named, and what the others hold is given all the same', async () => {
    await system.terminate('shipping')
    const { whole } = await exportOf(HERS.user)
    await system.start('shipping')
    expect(whole).toMatchObject({ missing: [{ service: 'shipping-service' }], isComplete: false })
    const services = new Set(whole.records.map(({ service }) => service))
    expect([...services].sort()).toEqual(
      serviceNames
        .map((name) => `${name}-service`)
        .filter((name) => name !== 'shipping-service')
        .sort(),
    )
  }, 120_000)

  it('once she is forgotten nothing in it tells about her, by her name or by her pseudonym', async () => {
    const path = `/customers/${encodeURIComponent(HERS.user)}/forget`
    expect(await system.post(path, {})).toMatchObject({ status: 202 })
    const { customerId } = await eventually('all have forgotten her', async () => {
      const now = await system.get<{ customerId: string; completedAt: string | null }>(path)
      return now.completedAt !== null && now
    })
    for (const asked of [HERS.user, customerId]) {
      const { text, whole } = await exportOf(asked)
      expect(whole).toMatchObject({ missing: [], isComplete: true })
      expect(spelled(text), asked).toEqual([])
      expect(whole.records).toContainEqual(
        expect.objectContaining({ table: 'orders', record: expect.objectContaining({ user_name: 'forgotten' }) }),
      )
    }
  }, 120_000)
}

const namesOneOf = (row: Row, wanted: readonly string[]) =>
  Object.values(row).some((value) => wanted.some((one) => textOf(value).includes(one)))

const textOf = (value: unknown) =>
  Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'string' ? value : ''

/** Whether what was given out is this row: in all that is neither encrypted, nor decoded, nor left out. */
function isOf(row: Row, table: string, found: Found): boolean {
  if (found.table !== table) return false
  return Object.entries(row).every(([name, value]) => {
    const given = found.record[name]
    const isPlain = typeof value === 'string' && !value.startsWith('enc:1:')
    return !isPlain || given === undefined || typeof given === 'object' || String(given) === value
  })
}
