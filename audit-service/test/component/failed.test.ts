// Failed messages, from their queues to an operator's hands, over an in-memory broker and a scratch database.

import { join } from 'node:path'
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode, type Properties } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, eventually, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { MASK, maskedBytes } from '../../personal/masked.ts'
import { auditService } from '../../service.ts'

const token = 'a-token-of-an-operator'
const at = '2026-11-21T08:30:00.000Z'
const by = { operator: 'ann', reason: 'the gateway is back' }

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let broker: MemoryBroker
let service: RunningService
let lines: Awaited<ReturnType<typeof keepingLog>>['lines']

async function start(topologyOfBroker = topology): Promise<void> {
  broker = createMemoryBroker(topologyOfBroker)
  const config = { ...readConfig(AuditConfig, { DATA_DIR: scratch.path, OPERATOR_TOKENS: token }), portBase: 0 }
  const kept = await keepingLog('audit-service')
  lines = kept.lines
  service = await startService(auditService, config, {
    log: kept.log,
    openBroker: (name) => broker.connect(name),
    broken: (error) => {
      throw error
    },
  })
}

beforeEach(async () => {
  scratch = await scratchFolder()
  await start()
})
afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await scratch.remove()
})

interface Answer<T> {
  status: number
  etag: string | null
  body: T
}

async function ask<T = Record<string, never>>(method: string, path: string, body?: object, headers = {}) {
  const answer = await fetch(service.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, etag: answer.headers.get('etag'), body: await answer.json() } as Answer<T>
}

interface Failed {
  id: string
  state: string
  queue: string
  code: string
  nextStep: string
  failures: Failed[]
  sentAgainOf: string | null
  [field: string]: unknown
}

const list = async (query = '') => (await ask<{ failed: Failed[] }>('GET', `/failed${query}`)).body.failed
const kept = (count: number, query = '') =>
  eventually(`${count} are kept`, async () => {
    const failed = await list(query)
    return failed.length === count && failed
  })
const show = async (id: string) => (await ask<Failed>('GET', `/failed/${id}`)).body

const message = encode(
  registry,
  OrderCreated.of('123', at, { user: 'gayal', priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] }),
  'order-service',
  { causationId: 'request-1' },
)

/** As the kernel buries it. */
function dead(queue: string, changes: { body?: Buffer; headers?: object; properties?: Partial<Properties> } = {}) {
  const { body = message.body, headers = {}, properties = {} } = changes
  const told = {
    attempt: 4,
    queue,
    service: 'inventory-service',
    'service-version': '0.1.0',
    'failed-at': at,
    'error-code': 'Error',
    'error-message': 'the shelf is broken',
    'error-stack':
      'Error: the shelf is broken\n    at new Promise (<anonymous>)\n    at node:internal/x:1:1\n    at async decide (file:///srv/inventory-service/main.js:12:7)',
    history: JSON.stringify([{ at: '2026-11-21T08:29:00.000Z', attempt: 1, error: 'Error: the shelf is broken' }]),
    ...headers,
  }
  return broker.connect('test').publish({
    exchange: 'dead-letter.exchange',
    routingKey: queue,
    body,
    properties: { ...message.properties, ...properties, headers: { ...message.properties.headers, ...told } },
  })
}

describe('a failed message', () => {
  it('is kept whole, leaves its queue, and is shown with what to do next', async () => {
    await dead('inventory.queue')
    const [listed] = await kept(1)
    expect(broker.messages('inventory.dlq')).toEqual([])
    expect(broker.unsettled('inventory.dlq')).toBe(0)
    const shown = await show(listed?.id ?? '')
    const { id, fingerprint, keptAt, ...told } = shown
    const history = [{ at: '2026-11-21T08:29:00.000Z', attempt: 1, error: 'Error: the shelf is broken' }]
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/)
    expect(Date.parse(String(keptAt))).toBeGreaterThan(Date.parse(at))
    expect(told).toMatchObject({
      state: 'waiting',
      queue: 'inventory.dlq',
      home: 'inventory.queue',
      service: 'inventory-service',
      version: '0.1.0',
      type: 'order.created',
      subject: '123',
      messageId: '123/order.created',
      code: 'Error',
      reason: 'the shelf is broken',
      place: 'decide',
      attempts: 4,
      history,
      firstAt: '2026-11-21T08:29:00.000Z',
      failedAt: at,
      body: maskedBytes(registry, message.body),
      original: null,
      sentAgainOf: null,
      failures: [{ id }],
      nextStep:
        'Fix the fault that the reason names. Send this message again first, then the others of the same cause.',
    })
    expect(JSON.stringify(shown.properties)).not.toContain('error-')
  })

  it('is kept once, however often it is delivered, and has the same id without a message id', async () => {
    const { messageId: _, ...withoutId } = message.properties
    const nameless = { exchange: '', routingKey: 'payment.dlq', body: Buffer.from('x'), properties: withoutId }
    await broker.connect('test').publish(nameless)
    const [first] = await kept(1)
    await broker.connect('test').publish(nameless)
    await broker.connect('test').publish({ ...nameless, body: Buffer.from('y') })
    const both = await kept(2)
    expect(both.map(({ id }) => id)).toContain(first?.id)
  })

  it('that no binding wanted, that the broker gave up, or that has nothing readable, is kept as well', async () => {
    const test = broker.connect('test')
    const garbage = Buffer.from([0xff, 0xfe, 0x00])
    const odd = {
      messageId: '\ufffd'.repeat(100),
      type: 'a\u0000b',
      correlationId: '\ud800',
      headers: { a: Number.NaN },
    }
    await test.publish({ exchange: 'unrouted.exchange', routingKey: 'never.heard', body: garbage, properties: odd })
    await test.publish({ exchange: '', routingKey: 'order.dlq', body: garbage, properties: odd })
    const death = [{ reason: 'delivery_limit', queue: 'order.queue', time: { '!': 'timestamp', value: 1 } }]
    const given = { headers: { 'x-death': death } }
    await test.publish({ exchange: '', routingKey: 'order.dlq', body: garbage, properties: given })
    const failed = await kept(3)
    expect(failed.map(({ queue, code }) => `${queue} ${code}`).sort()).toEqual([
      'order.dlq broker_delivery_limit',
      'order.dlq unexplained',
      'unrouted.queue unrouted',
    ])
    const shown = await Promise.all(failed.map(({ id }) => show(id)))
    for (const { body } of shown) expect(body).toEqual(maskedBytes(registry, garbage))
    const looked = await Promise.all(failed.map(({ id }) => ask<Failed>('POST', `/failed/${id}/look`, by)))
    for (const { body } of looked) expect(body.body).toEqual({ base64: garbage.toString('base64') })
  })

  it('that the database does not take stays in its queue, readiness names it, and the others pass it', async () => {
    const database = openSqlite(join(scratch.path, 'audit-service.db'))
    await database.run(
      `create trigger spoiled before insert on failures when new.subject = 'bad' begin select raise(abort, 'spoiled'); end`,
    )
    await dead('inventory.queue', { properties: { messageId: 'bad', correlationId: 'bad' } })
    for (const subject of ['1', '2'])
      await dead('inventory.queue', { properties: { messageId: subject, correlationId: subject } })
    await kept(2)
    expect(broker.unsettled('inventory.dlq')).toBe(1)
    const ready = await ask<{ faults?: string[] }>('GET', '/health/ready')
    expect(ready.status).toBe(503)
    expect(JSON.stringify(ready.body)).toContain('inventory.dlq: 1 messages cannot be stored and stay there: spoiled')
    expect(lines.filter(({ msg }) => msg === 'cannot be stored: it stays in its queue')).toHaveLength(1)

    await database.run('drop trigger spoiled')
    await kept(3)
    await eventually('all is settled', () => broker.unsettled('inventory.dlq') === 0)
    expect((await ask('GET', '/health/ready')).status).toBe(200)
    await database.close()
  })

  it('of a queue that is missing is not there, which is said, and the others are kept', async () => {
    expect(await service.close()).toEqual({ clean: true })
    await start({
      ...topology,
      queues: topology.queues.filter(({ name }) => name !== 'payment.dlq'),
      bindings: topology.bindings.filter(({ destination }) => destination !== 'payment.dlq'),
    })
    await dead('inventory.queue')
    await kept(1)
    expect((await ask('GET', '/failed/groups')).body).toMatchObject({ missingQueues: ['payment.dlq'] })
    expect(lines.filter(({ queue }) => queue === 'payment.dlq')).toMatchObject([
      { msg: 'a queue is missing: its failed messages are not stored until its service declares it' },
    ])
  })
})

describe('failed messages', () => {
  it('are counted by cause, found by what is known of them, and given a page at a time', async () => {
    for (let number = 0; number < 5; number++)
      await dead('inventory.queue', { properties: { messageId: `i-${number}`, correlationId: String(number) } })
    for (let number = 0; number < 3; number++)
      await dead('payment.queue', {
        properties: { messageId: `p-${number}`, type: `made.up.${number}` },
        headers: { 'error-code': 'unknown_type', 'failed-at': `2026-11-21T09:0${number}:00.000Z` },
      })
    await kept(8)
    const { body } = await ask<{ groups: (Failed & { fingerprint: string })[] }>('GET', '/failed/groups')
    expect(body).toMatchObject({ areAll: true, missingQueues: [] })
    expect(body.groups).toMatchObject([
      { queue: 'inventory.dlq', type: 'order.created', code: 'Error', count: 5, oldest: at, newest: at },
      { queue: 'payment.dlq', code: 'unknown_type', count: 3, newest: '2026-11-21T09:02:00.000Z' },
    ])
    const cause = body.groups[1]?.fingerprint
    expect(await list(`?fingerprint=${cause}`)).toHaveLength(3)
    expect(await list('?subject=3&queue=inventory.dlq')).toHaveLength(1)
    expect(await list('?text=MADE.up.1')).toHaveLength(1)
    expect(await list('?text=%25')).toHaveLength(0)
    expect(await list('?type=order.created')).toHaveLength(5)
    expect(await list('?from=2026-11-21T09:01:00Z&until=2026-11-21T09:02:00Z')).toHaveLength(1)
    expect((await ask('GET', '/failed/count?queue=payment.dlq')).body).toEqual({ count: 3 })
    const ids = new Set<string>()
    for (let path: string | null = '/failed?limit=3'; path !== null; ) {
      const page: Answer<{ failed: Failed[]; next: string | null }> = await ask('GET', path)
      for (const { id } of page.body.failed) ids.add(id)
      path = page.body.next && `/failed?limit=3&after=${page.body.next}`
    }
    expect(ids.size).toBe(8)
    const metrics = await (await fetch(`${service.url}/metrics`)).text()
    expect(metrics).toMatch(/^failed_messages\{queue="order.dlq",service="audit-service"\} 0$/m)
  })

  it('are archived by their count, and not when there are others; and who did it is part of the log', async () => {
    for (const id of ['1', '2']) await dead('inventory.queue', { properties: { messageId: id } })
    const [first] = await kept(2)
    const filter = { queue: 'inventory.dlq' }
    expect(await ask('POST', '/failed/archive', { ...by, filter, expected: 1 })).toMatchObject({
      status: 409,
      body: { code: 'count_differs' },
    })
    expect(await ask('POST', '/failed/archive', { ...by, filter: {}, expected: 2 })).toMatchObject({ status: 400 })
    expect(await ask('POST', '/failed/archive', { ...by, expected: 2 })).toMatchObject({ status: 400 })
    expect(await ask('POST', '/failed/archive', { filter, expected: 2 })).toMatchObject({ status: 400 })
    expect(await list('?state=archived')).toEqual([])
    expect((await ask('GET', '/actions')).body).toEqual({ actions: [], next: null })

    expect(await ask('POST', `/failed/${first?.id}/archive`, by)).toMatchObject({
      status: 200,
      body: { state: 'archived' },
    })
    expect(await ask('POST', `/failed/${first?.id}/archive`, by)).toMatchObject({
      status: 409,
      body: { code: 'wrong_state' },
    })
    expect(await ask('POST', `/failed/${'0'.repeat(32)}/archive`, by)).toMatchObject({ status: 404 })
    expect((await ask('POST', '/failed/archive', { ...by, filter, expected: 1 })).body).toEqual({ archived: 1 })
    expect(await list('?state=archived')).toHaveLength(2)
    expect((await ask('GET', '/actions')).body).toMatchObject({
      actions: [
        { ...by, action: 'archive', about: { filter: { ...filter, state: 'waiting' }, count: 1 } },
        { ...by, action: 'archive', about: { ids: [first?.id], count: 1 } },
      ],
    })
    expect((await ask('GET', '/audit/verify')).body).toMatchObject({ ok: true, events: 2, conflicts: [] })
  })
})

describe('a body that an operator changes', () => {
  const broken = Buffer.from(message.body.toString().replace('"quantity":1', '"quantity":-1'))
  const change = (id: string, body: object, etag = '"1"') =>
    ask<Failed>('PUT', `/failed/${id}/body`, { ...by, ...body }, { 'if-match': etag })

  it('must be what a service could handle, is kept beside the one that came, and is what is sent again', async () => {
    await dead('inventory.queue', { body: broken, headers: { 'error-code': 'invalid_data' } })
    const [{ id } = { id: '' }] = await kept(1)
    expect(await change(id, { text: broken.toString() })).toMatchObject({ status: 422, body: { code: 'invalid_data' } })
    expect(await change(id, { text: 'no JSON' })).toMatchObject({ status: 422, body: { code: 'undecodable' } })
    expect(await change(id, { text: message.body.toString() }, '"2"')).toMatchObject({ status: 412 })
    expect(await ask('PUT', `/failed/${id}/body`, { ...by, text: '' })).toMatchObject({ status: 428 })
    expect(await change(id, {})).toMatchObject({ status: 400 })

    const changed = await change(id, { text: message.body.toString() })
    expect(changed).toMatchObject({
      status: 200,
      etag: '"2"',
      body: { body: maskedBytes(registry, message.body), original: maskedBytes(registry, broken), revision: 2 },
    })
    const again = { ...by, ids: [id], expected: 1, watchMs: 0 }
    await ask('POST', '/replays', again)
    const [sent] = await eventually('it is in its queue', () => {
      const messages = broker.messages('inventory.queue')
      return messages.length === 1 && messages
    })
    expect(sent?.body).toBe(message.body.toString())
    expect((await ask<{ actions: object[] }>('GET', '/actions')).body.actions).toMatchObject([
      { action: 'replay' },
      { action: 'change_body', about: { id, revision: 2 } },
    ])
  })
})

describe('a rehearsal', () => {
  const decided = { outcome: 'decided', says: [], changes: [], open: null, error: null }
  const said = {
    id: '123/inventory.reserved',
    type: 'inventory.reserved',
    subject: '123',
    data: { user: MASK, lines: [] },
    isTask: false,
  }

  /** Takes the place of inventory-service; gives what it was asked. */
  function answering(wire: object) {
    const asked: Record<string, string>[] = []
    const connection = broker.connect('inventory-service')
    connection.subscribe('inventory.ops.queue', 10, (question) => {
      asked.push(JSON.parse(question.body.toString()))
      connection.reply(question, Buffer.from(JSON.stringify(wire)))
      question.ack()
    })
    return asked
  }
  async function rehearsed(id?: string) {
    if (id === undefined) await dead('inventory.queue')
    const [letter] = await kept(1)
    return ask<Record<string, unknown>>('POST', `/failed/${id ?? letter?.id}/rehearsal`)
  }

  it.each([
    [
      'decided',
      { says: [said], changes: [{ state: 'orders', key: '123' }] },
      /^It would publish 123\/inventory.reserved, and change 123 of orders\.$/,
    ],
    ['decided', {}, /^It would be handled without effect: /],
    [
      'decided',
      { error: { code: 'deadline_passed', message: 'nobody waits', stack: '' } },
      /^It would have no effect: nobody waits\.$/,
    ],
    [
      'fails',
      { error: { code: 'TypeError', message: 'of undefined', stack: 'at x' } },
      /^It would fail again, with TypeError: of undefined$/,
    ],
    ['open', { open: 'the warehouse' }, /^inventory-service would call the warehouse\. /],
  ])('that is %s %j is told as its service told it, and in a sentence', async (outcome, told, sentence) => {
    const asked = answering({ ok: true, reply: { ...decided, ...told, outcome } })
    expect(await rehearsed()).toMatchObject({
      status: 200,
      body: { ...decided, ...told, outcome, service: 'inventory-service', sentence: expect.stringMatching(sentence) },
    })
    expect(asked).toMatchObject([{ queue: 'inventory.queue', body: message.body.toString('base64') }])
    expect(JSON.parse(asked[0]?.properties ?? '')).toMatchObject({
      messageId: '123/order.created',
      type: 'order.created',
    })
    expect(await list()).toMatchObject([{ state: 'waiting' }])
  })

  it('by a service that does not answer says so within its time', async () => {
    expect(await rehearsed()).toMatchObject({
      status: 200,
      body: {
        outcome: 'not_answering',
        error: { code: 'no_answer_in_time' },
        sentence: expect.stringMatching(/start it/),
      },
    })
  })

  it('by a version that cannot rehearse, of what no queue wanted, or of nothing that is kept, is refused', async () => {
    answering({ ok: false, status: 400, code: 'unknown_type', message: 'no answer to operations.rehearse' })
    expect(await rehearsed()).toMatchObject({ status: 409, body: { code: 'not_rehearsed' } })
    expect(await rehearsed('0'.repeat(32))).toMatchObject({ status: 404, body: { code: 'no_such_failure' } })
    await broker.connect('test').publish({ ...message, exchange: '', routingKey: 'unrouted.queue' })
    const [unwanted] = await kept(1, '?queue=unrouted.queue')
    expect(await ask('POST', `/failed/${unwanted?.id}/rehearsal`)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('no queue received this message') },
    })
  })
})

describe('what is sent again', () => {
  interface Replay {
    id: string
    state: string
    [field: string]: unknown
  }
  const replay = (terms: object) => ask<Replay>('POST', '/replays', { ...by, watchMs: 0, ...terms })
  const ended = (id: string) =>
    eventually('it has ended', async () => {
      const { body } = await ask<Replay>('GET', `/replays/${id}`)
      return body.state !== 'running' && body
    })
  const deadOnes = async (count: number) => {
    for (let number = 0; number < count; number++)
      await dead('inventory.queue', { properties: { messageId: `i-${number}`, priority: 7 } })
    return kept(count)
  }

  it('goes into the one queue that gave it up, as a first attempt, marked, in steps, and each once for two operators', async () => {
    const failed = await deadOnes(30)
    const filter = { queue: 'inventory.dlq' }
    expect(await replay({ filter, expected: 29 })).toMatchObject({ status: 409, body: { code: 'count_differs' } })
    expect(await replay({ ids: [failed[0]?.id, '0'.repeat(32)], expected: 2 })).toMatchObject({ status: 409 })
    const both = await Promise.all([replay({ filter, expected: 30 }), replay({ filter, expected: 30, canary: 30 })])
    const accepted = both.filter(({ status }) => status === 202)
    expect(accepted.length).toBeGreaterThan(0)
    const done = await Promise.all(accepted.map(({ body }) => ended(body.id)))
    expect(done.map(({ state }) => state)).toEqual(done.map(() => 'done'))
    expect(done.reduce((sum, { sent }) => sum + Number(sent), 0)).toBe(30)
    const messages = broker.messages('inventory.queue')
    expect(messages).toHaveLength(30)
    const [{ properties } = { properties: { headers: {} } }] = messages
    expect(properties).toMatchObject({
      type: 'order.created',
      priority: 7,
      headers: { attempt: 1, 'causation-id': 'request-1' },
    })
    expect(Object.keys(properties.headers).sort()).toEqual([
      'attempt',
      'causation-id',
      'resend',
      'sent-again-of',
      'traceparent',
    ])
    expect(new Set(messages.map((one) => one.properties.headers['sent-again-of'])).size).toBe(30)
    expect(await list()).toEqual([])
    const all = (await ask<{ replays: Replay[] }>('GET', '/replays')).body.replays
    expect(all.map(({ id }) => id).sort()).toEqual(accepted.map(({ body }) => body.id).sort())
  })

  it('stops when one fails again, goes on when it is told to, and the failures of a message belong together', async () => {
    await deadOnes(3)
    const filter = { queue: 'inventory.dlq' }
    const { body } = await replay({ filter, expected: 3, watchMs: 60_000 })
    const [sent] = await eventually('the first is sent', () => {
      const messages = broker.messages('inventory.queue')
      return messages.length > 0 && messages
    })
    const { headers } = sent?.properties ?? { headers: {} }
    await dead('inventory.queue', { properties: { ...sent?.properties }, headers })
    expect(await ended(body.id)).toMatchObject({
      state: 'stopped',
      why: '1 of the messages sent failed again',
      sent: 1,
    })
    expect(broker.messages('inventory.queue')).toHaveLength(1)
    const first = await show(String(headers['sent-again-of']))
    const back = first.failures.find(({ sentAgainOf }) => sentAgainOf === first.id)
    expect(first).toMatchObject({ state: 'sent_again', nextStep: `It failed again: look at ${back?.id}.` })

    const resume = () => ask<Replay>('POST', `/replays/${body.id}/resume`, by)
    expect(await resume()).toMatchObject({ status: 200, body: { state: 'running' } })
    expect(await resume()).toMatchObject({ status: 409, body: { code: 'wrong_state' } })
    expect(await ask('POST', `/replays/${body.id}/stop`, by)).toMatchObject({
      status: 200,
      body: { state: 'stopped', why: 'ann stopped it' },
    })
    expect(await ask('POST', `/replays/${'0'.repeat(32)}/stop`, by)).toMatchObject({ status: 404 })
    const { actions } = (await ask<{ actions: { action: string }[] }>('GET', '/actions')).body
    expect(actions.map(({ action }) => action)).toEqual(['stop_replay', 'resume_replay', 'replay'])
  })

  it('that no binding wanted goes by the way it came', async () => {
    const { exchange: _, ...unrouted } = message
    await broker.connect('test').publish({ ...unrouted, exchange: 'unrouted.exchange' })
    const [one] = await kept(1)
    const { body } = await replay({ ids: [one?.id], expected: 1 })
    // Nobody wants it now either, which may be known before the end.
    expect(await ended(body.id)).toMatchObject({ sent: 1 })
    const [back] = await kept(1)
    expect(back).toMatchObject({ queue: 'unrouted.queue', sentAgainOf: one?.id })
  })

  it('is not sent to a queue that is not there, and waits on', async () => {
    expect(await service.close()).toEqual({ clean: true })
    await start({ ...topology, queues: topology.queues.filter(({ name }) => name !== 'inventory.queue') })
    await dead('inventory.queue')
    const [one] = await kept(1)
    const { body } = await replay({ ids: [one?.id], expected: 1 })
    const stopped = await ended(body.id)
    expect(stopped).toMatchObject({ state: 'stopped', sent: 0 })
    expect(String(stopped.why)).toMatch(/^1 cannot be published: /)
    expect(await list()).toMatchObject([{ id: one?.id, state: 'waiting' }])
  })
})
