// What a policy of the broker changes is told, once, with its cost; and where it cannot be asked nothing is claimed.
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { topology } from '../../contracts/index.ts'
import { eventually, keepingLog } from '../../testing/index.ts'
import { managementOf } from '../management.ts'
import { answeredFor, policyChanges, watchPolicies } from '../policies.ts'

const broker = 'amqp://ann:s%2Fcret@rabbit.example:5673/shop%2Fone?heartbeat=5'

describe('managementOf', () => {
  const asked = (amqpUrl: string, managementUrl?: string) => {
    const found = managementOf(amqpUrl, managementUrl)
    return (
      found && [
        `${found.api} ${found.vhost}`,
        Buffer.from(found.authorization.replace(/^Basic /, ''), 'base64').toString(),
      ]
    )
  }

  it.each([
    [broker, undefined, 'http://rabbit.example:15672/api shop/one', 'ann:s/cret'],
    ['amqp://localhost', undefined, 'http://localhost:15672/api /', 'guest:guest'],
    ['amqp://a:b@[::1]:5672/', undefined, 'http://[::1]:15672/api /', 'a:b'],
    // A login that travels under TLS to the broker is not sent in the clear beside it.
    ['amqps://a:b@host/v', undefined, 'https://host:15671/api v', 'a:b'],
    [broker, 'http://other:99/rabbit/', 'http://other:99/rabbit/api shop/one', 'ann:s/cret'],
    [broker, 'https://bob:p%40ss@other', 'https://other/api shop/one', 'bob:p@ss'],
  ])('%s, %s', (amqpUrl, managementUrl, url, login) => {
    expect(asked(amqpUrl, managementUrl)).toEqual([url, login])
  })

  it('is nowhere when it is off', () => expect(asked(broker, 'off')).toBeUndefined())
})

describe('answeredFor', () => {
  const names = (consumed: string[]) => answeredFor(topology, consumed).map(({ name }) => name)

  it('is what it takes from, the dead letters and timers of that, and what nobody takes from', () => {
    expect(names(['payment.queue', 'payment.rpc.queue']).sort()).toEqual([
      'payment.deadline.queue',
      'payment.dlq',
      'payment.queue',
      'payment.rpc.dlq',
      'payment.rpc.queue',
      'unrouted.queue',
    ])
  })

  it('leaves no queue out but those whose messages are worth nothing later', () => {
    const consumed = topology.bindings.filter(({ source }) => source === 'dead-letter.exchange')
    expect(names(consumed.map(({ pattern }) => pattern)).sort()).toEqual(
      topology.queues.flatMap(({ name, arguments: own }) => ('x-message-ttl' in own ? [] : [name])).sort(),
    )
  })
})

const as = (queue: string, definition: object, policies: object = { policy: 'all' }) => [
  { name: queue, ...policies, effective_policy_definition: definition },
]
const told = (queue: string, definition: object, policies?: object) =>
  policyChanges(topology.queues, as(queue, definition, policies), '/').map(({ text }) => text)

describe('policyChanges', () => {
  it.each<[queue: string, definition: object, ...texts: string[]]>([
    ['payment.deadline.queue', { 'message-ttl': 10_000 }, 'message-ttl 10000: a timer comes back early'],
    [
      'payment.queue',
      { 'message-ttl': 10_000 },
      'message-ttl 10000: a message that waits longer becomes a dead letter',
    ],
    ['payment.dlq', { 'message-ttl': 10_000 }, 'message-ttl 10000: a message that waits longer is lost'],
    ['payment.rpc.queue', { 'message-ttl': 10_000 }, 'message-ttl 10000: a message that waits longer is lost'],
    [
      'unrouted.queue',
      { expires: 1_000 },
      'expires 1000: the queue is deleted with its messages if it is not used for so long',
    ],
    [
      'payment.queue',
      { 'max-length': 5 },
      'max-length 5: beyond it the broker refuses further messages for this queue',
    ],
    ['payment.dlq', { 'max-length': 5 }, 'max-length 5: beyond it the oldest messages are lost'],
    ['payment.dlq', { 'max-length-bytes': 5 }, 'max-length-bytes 5: beyond it the oldest messages are lost'],
    [
      'payment.dlq',
      { 'max-length': 5, overflow: 'reject-publish' },
      'max-length 5: beyond it the broker refuses further messages for this queue',
    ],
    [
      'notification.sms.queue',
      { 'max-length': 5, overflow: 'drop-head' },
      'max-length 5: beyond it the oldest messages become dead letters',
      'overflow drop-head: at the length limit messages are dropped instead of refused',
    ],
    [
      'payment.queue',
      { 'delivery-limit': 3 },
      'delivery-limit 3: a message that was delivered so often becomes a dead letter',
    ],
    ['payment.dlq', { 'delivery-limit': 20 }, 'delivery-limit 20: a message that was delivered so often is lost'],
    [
      'payment.dlq',
      { 'dead-letter-exchange': 'x', 'dead-letter-routing-key': 'y', 'dead-letter-strategy': 'at-most-once' },
      'dead-letter-exchange x: messages that this queue drops go to another exchange',
      'dead-letter-routing-key y: messages that this queue drops go to another exchange',
      'dead-letter-strategy at-most-once: messages that this queue drops go to another exchange',
    ],
  ])('%s %o', (queue, definition, ...texts) => {
    expect(told(queue, definition)).toEqual(texts.map((text) => `policy all on ${queue}: ${text}`))
  })

  it.each<[why: string, queue: string, definition: object]>([
    ['what only says where a queue is', 'payment.queue', { 'ha-mode': 'all', 'queue-leader-locator': 'balanced' }],
    // An argument of the queue wins over a policy (RabbitMQ guide "Policies").
    [
      'what the queue’s own arguments win over',
      'payment.queue',
      { overflow: 'drop-head', 'dead-letter-exchange': 'x' },
    ],
    ['a limit above the queue’s own', 'payment.queue', { 'delivery-limit': 60 }],
    ['no limit at all', 'payment.queue', { 'delivery-limit': -1 }],
    ['a delivery limit where nothing is given back', 'payment.deadline.queue', { 'delivery-limit': 5 }],
    ['overflow without a length', 'payment.dlq', { overflow: 'drop-head' }],
    ['somebody else’s queue', 'stranger', { 'message-ttl': 1 }],
    // So an old broker says that there is none.
    ['an empty list', 'payment.queue', []],
  ])('not %s', (_, queue, definition) => expect(told(queue, definition)).toEqual([]))

  it('says which kind of policy it is and how it is removed', () => {
    const [mine] = policyChanges(
      topology.queues,
      as('payment.dlq', { expires: 1 }, { policy: null, operator_policy: 'limits' }),
      'shop',
    )
    expect(mine).toMatchObject({
      queue: 'payment.dlq',
      policy: 'operator policy limits',
      key: 'expires',
      value: 1,
      todo: 'rabbitmqctl clear_operator_policy -p shop limits, or change its pattern so that it does not match this queue',
    })
    const [either] = policyChanges(
      topology.queues,
      as('payment.dlq', { expires: 1 }, { policy: 'all', operator_policy: 'limits' }),
      'shop',
    )
    expect(either?.text).toMatch(/^policy all or operator policy limits on payment\.dlq: /)
  })
})

/** A management API that says what it is told to, and keeps what it was asked. */
async function openManagement() {
  const asked: IncomingMessage[] = []
  const says = { status: 200, body: '[]', overview: '{"disable_stats":false}', isSilent: false }
  const server = createServer((request, answer) => {
    asked.push(request)
    const body = request.url?.startsWith('/api/overview') ? says.overview : says.body
    if (!says.isSilent) answer.writeHead(says.status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const { log, lines } = await keepingLog()
  const management = managementOf('amqp://ann:secret@127.0.0.1/shop', `http://127.0.0.1:${port}`)
  if (!management) throw new Error('it is off')
  const open = ({ everyMs = 3_600_000, timeoutMs = 20_000 } = {}) => {
    const policies = watchPolicies({ management, queues: topology.queues, log, everyMs, timeoutMs })
    onTestFinished(() => policies.close())
    return policies
  }
  const policy = (definition: object) => JSON.stringify(as('payment.deadline.queue', definition))
  const said = (level: number) => lines.filter((line) => line.level === level).map(({ msg }) => msg)
  return { asked, says, open, policy, said, lines }
}

const WARNS = 40
const INFORMS = 30
const CHANGES = 'a policy of the broker changes a queue'
const READS_NOT = 'the policies of the broker cannot be read'

describe('watchPolicies', () => {
  it('asks as who it is, tells each change once, and that it is over', async () => {
    const { asked, says, open, policy, said, lines } = await openManagement()
    says.body = policy({ 'message-ttl': 10_000 })
    const policies = open()
    await eventually('it is told', () => policies.faults().length > 0)
    expect(policies.faults()).toEqual([
      'broker: policy all on payment.deadline.queue: message-ttl 10000: a timer comes back early',
    ])
    expect(asked[0]?.headers.authorization).toBe(`Basic ${btoa('ann:secret')}`)
    expect(asked[1]?.url).toMatch(/^\/api\/queues\/shop\?/)
    expect(lines.find(({ msg }) => msg === CHANGES)).toMatchObject({
      queue: 'payment.deadline.queue',
      policy: 'policy all',
      key: 'message-ttl',
      value: 10_000,
      cost: 'a timer comes back early',
      todo: 'rabbitmqctl clear_policy -p shop all, or change its pattern so that it does not match this queue',
    })
    await policies.look()
    expect(said(WARNS)).toEqual([CHANGES])

    says.body = policy({ 'message-ttl': 20_000 })
    await policies.look()
    expect(said(WARNS)).toEqual([CHANGES, CHANGES])

    says.body = policy({})
    await policies.look()
    expect(policies.faults()).toEqual([])
    expect(said(INFORMS)).toEqual(['no policy of the broker changes a queue any more'])
  })

  it('claims nothing any more when it cannot ask, and does not tell it again when it can', async () => {
    const { says, open, policy, said } = await openManagement()
    says.body = policy({ expires: 1 })
    const policies = open()
    await policies.look()
    says.status = 503
    await policies.look()
    expect(policies.faults()).toEqual([])
    says.status = 200
    await policies.look()
    expect(policies.faults()).toHaveLength(1)
    expect(said(WARNS)).toEqual([CHANGES])
  })

  it('asks again by itself', async () => {
    const { says, open, policy } = await openManagement()
    const policies = open({ everyMs: 5 })
    says.body = policy({ expires: 1 })
    await eventually('it is seen', () => policies.faults().length === 1)
  })

  it.each<[what: string, answer: { status?: number; body?: string; overview?: string; isSilent?: boolean }]>([
    ['refused', { status: 401, body: '{"error":"not_authorised"}' }],
    ['not found', { status: 404, body: '{}' }],
    ['no JSON', { body: '<html>' }],
    ['something else', { body: '{"queues":[]}' }],
    // A queue then says its name only.
    ['no statistics', { overview: '{"disable_stats":true}', body: '[{"name":"payment.deadline.queue"}]' }],
    ['nothing of its statistics', { overview: '{}' }],
    ['never answered', { isSilent: true }],
  ])('%s: one line for the outage, no reason, and asked again', async (_, answer) => {
    const { says, open, policy, said, lines } = await openManagement()
    Object.assign(says, answer)
    const policies = open({ timeoutMs: 50 })
    await policies.look()
    await policies.look()
    expect(policies.faults()).toEqual([])
    expect(said(WARNS)).toEqual([])
    expect(said(INFORMS)).toEqual([READS_NOT])
    expect(JSON.stringify(lines)).not.toContain('secret')

    const overview = '{"disable_stats":false}'
    Object.assign(says, { status: 200, overview, isSilent: false, body: policy({ expires: 1 }) })
    await eventually('it is read', async () => {
      await policies.look()
      return policies.faults().length === 1
    })
  })

  it('ends while it is asking', async () => {
    const { asked, says, open, said } = await openManagement()
    says.isSilent = true
    const policies = open({ timeoutMs: 3_600_000 })
    await eventually('it is asked', () => asked.length > 0)
    await policies.close()
    expect(said(INFORMS)).toEqual([])
  })
})
