// The life of one delivery: every way through it, each to its end, with what is acked, copied, saved and said.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Message } from '../../contracts/index.ts'
import { deferred } from '../../runtime/deferred.ts'
import { PermanentError, TransientError } from '../../runtime/errors.ts'
import { eventually, type Schedule } from '../../testing/index.ts'
import type { Broker, Publication } from '../broker.ts'
import { type ConsumerOptions, consume } from '../consumer.ts'
import { encode } from '../envelope.ts'
import type { Handler } from '../handler.ts'
import { ATTEMPTS_MAX } from '../recoverability.ts'
import { type Draft, owned, type State } from '../state.ts'
import {
  around,
  created,
  effects,
  invalid,
  manualTime,
  NOW,
  notes,
  openKernel,
  publishedIds,
  reserved,
  type TestKernel,
} from './kernel.ts'

const QUEUE = 'inventory.queue'
const DLQ = 'inventory.dlq'

/** Straight to the queue, so that the audit's queue holds only what the handler says. */
function deliver({ broker }: TestKernel, change: Partial<Publication> = {}): Promise<void> {
  const publication = encode(created('order-1'), 'order-service', { causationId: 'request-1' })
  const [, messageId = publication.properties.messageId] = /"id":"([^"]+)"/.exec(String(change.body ?? '')) ?? []
  const properties = { ...publication.properties, messageId }
  return broker.publish({ ...publication, properties, exchange: '', routingKey: QUEUE, ...change })
}

const bodyOf = (message: Message) => encode(message, 'order-service', {}).body

/** Idempotent by its key, as every handler must be. */
const save = (id: string, draft: Draft): Message[] => {
  if (draft.get(notes, id) !== undefined) return []
  draft.set(notes, id, 'handled')
  return [reserved(id)]
}

const handling = (decide: Handler['decide'] = (event, draft) => save(event.subject, draft)): Handler => ({
  type: 'order.created',
  reads: ({ subject }) => [owned(notes, subject)],
  decide,
})

const throwing = (error: Error) => () => {
  throw error
}

function start({ kernel }: TestKernel, handler: Handler = handling(), options: Partial<ConsumerOptions> = {}) {
  return consume(kernel, { queue: QUEUE, prefetch: 10, handlers: [handler], ...options })
}

/** All that is due is handed over in one turn of the event loop, as one read of a socket does. */
const inOneTurn: Schedule = (_, work) => {
  const turn = setImmediate(work)
  return () => clearImmediate(turn)
}

const settled = ({ memory }: TestKernel) => memory.unsettled(QUEUE) === 0 && memory.messages(QUEUE).length === 0
const outcome = (kernel: TestKernel, number = 1) =>
  eventually(`delivery ${number} is settled`, () => settled(kernel) && kernel.outcomes[number - 1])

describe('a delivery that is handled', () => {
  it('is acked, its changes are saved and its messages published, with their cause', async () => {
    const kernel = await openKernel()
    start(kernel)
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ queue: QUEUE, type: 'order.created', outcome: 'handled' })
    expect(await effects(kernel)).toEqual(['order-1'])
    await eventually('what it says is published', () => publishedIds(kernel).length > 0)
    const [said] = kernel.memory.messages('payment.queue')
    expect(said?.properties).toMatchObject({
      messageId: 'order-1/inventory.reserved',
      correlationId: 'order-1',
      appId: 'test-service',
      headers: { 'causation-id': 'order-1/order.created', attempt: 1 },
    })
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('passes its trace on', async () => {
    const kernel = await openKernel()
    start(kernel)
    const trace = '0af7651916cd43dd8448eb211c80319c'
    const publication = encode(created('order-1'), 'order-service', { traceparent: `00-${trace}-b7ad6b7169203331-01` })
    await kernel.broker.publish({ ...publication, exchange: '', routingKey: QUEUE })

    await eventually('what it says is published', () => publishedIds(kernel).length > 0)

    expect(kernel.memory.messages('payment.queue')[0]?.properties.headers.traceparent).toContain(trace)
  })

  it('changes nothing the second time, and is acked as well', async () => {
    const kernel = await openKernel()
    start(kernel)
    await deliver(kernel)
    await deliver(kernel)

    await outcome(kernel, 2)

    expect(kernel.outcomes.map((it) => it.outcome)).toEqual(['handled', 'handled'])
    expect(await effects(kernel)).toEqual(['order-1'])
    await eventually('every confirm is here', () => kernel.outbox.pending().underWay === 0)
    expect(publishedIds(kernel)).toEqual(['order-1/inventory.reserved'])
  })

  it('is delivered again, harmlessly, when the connection is cut between commit and ack', async () => {
    const kernel = await openKernel({
      // The last moment before the handler learns that it is committed: the ack that follows is of no use any more.
      committed: () => {
        if (cuts++ === 0) kernel.memory.cut('test')
      },
    })
    let cuts = 0
    const redelivered: boolean[] = []
    start(
      kernel,
      handling((event, draft, context) => {
        redelivered.push(context.redelivered)
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)

    await eventually('it is delivered twice and settled', () => redelivered.length === 2 && settled(kernel))

    expect(redelivered).toEqual([false, true])
    expect(await effects(kernel)).toEqual(['order-1'])
    await eventually('every confirm is here', () => kernel.outbox.pending().underWay === 0)
    expect(publishedIds(kernel)).toEqual(['order-1/inventory.reserved'])
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('is not acked before its commit', async () => {
    const gate = deferred()
    const reached = deferred()
    const kernel = await openKernel({
      wrap: (database) =>
        around(database, async (run) => {
          const result = await run()
          reached.resolve()
          await gate.promise
          return result
        }),
    })
    start(kernel)
    await deliver(kernel)

    await reached.promise
    await new Promise((turn) => setImmediate(turn))
    expect(kernel.memory.unsettled(QUEUE)).toBe(1)

    gate.resolve()
    await outcome(kernel)
    expect(kernel.memory.unsettled(QUEUE)).toBe(0)
  })

  it('shares its transaction with those delivered at the same moment', async () => {
    const groups: number[] = []
    const kernel = await openKernel({ schedule: inOneTurn, committed: (members) => groups.push(members) })
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => deliver(kernel, { body: bodyOf(created(id)) })))

    start(kernel)

    await outcome(kernel, 5)
    expect(groups).toEqual([5])
  })

  it('reaches a handler for every type when there is one', async () => {
    const kernel = await openKernel()
    const seen: string[] = []
    const handler: Handler = {
      type: '*',
      reads: () => [],
      decide: (event) => {
        seen.push(event.type)
        return []
      },
    }
    start(kernel, handler)
    await deliver(kernel)

    await outcome(kernel)

    expect(seen).toEqual(['order.created'])
  })
})

describe('a call to the outside', () => {
  it('comes before the transaction, and its answer reaches the handler', async () => {
    const steps: string[] = []
    const kernel = await openKernel({
      wrap: (database) =>
        around(database, (run) => {
          steps.push('transaction')
          return run()
        }),
    })
    await kernel.database.run(`insert into effects (id, note) values ('order-1', 'known')`)
    steps.length = 0
    start(kernel, {
      ...handling((event, draft, _context, answer) => {
        steps.push('decide')
        draft.set(notes, event.subject, String(answer))
        return []
      }),
      async ask(event, { read, attempt, now }) {
        steps.push('ask')
        const known = [await read(notes, event.subject), await read(notes, 'unknown')]
        return `${event.subject} ${known} ${attempt} ${now}`
      },
    })
    await deliver(kernel)

    await outcome(kernel)

    expect(steps).toEqual(['ask', 'transaction', 'decide'])
    expect(await kernel.database.get('select note from effects')).toEqual({ note: `order-1 known, 1 ${NOW}` })
  })

  it('reads in one statement with those that are made at the same moment', async () => {
    const loads: string[][] = []
    const watched: State<string> = {
      ...notes,
      load(sql, keys) {
        loads.push(keys)
        return notes.load(sql, keys)
      },
    }
    const kernel = await openKernel({ schedule: inOneTurn })
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => deliver(kernel, { body: bodyOf(created(id)) })))

    start(kernel, { ...handling(), ask: ({ subject }, { read }) => read(watched, subject) })

    await outcome(kernel, 5)
    expect(loads).toEqual([['a', 'b', 'c', 'd', 'e']])
  })

  it('that takes too long is aborted, and the delivery waits in the first room', async () => {
    const kernel = await openKernel({ schedule: manualTime().schedule })
    let aborted = false
    const handler: Handler = {
      ...handling(),
      ask: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true
          })
        }),
    }
    start(kernel, handler, { askTimeoutMs: 20 })
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'retry' })
    expect(aborted).toBe(true)
    expect(await effects(kernel)).toEqual([])
    const [waiting] = kernel.memory.messages('retry.1s.queue')
    expect(waiting?.properties.headers).toMatchObject({ delay: '1s', attempt: 2, 'error-code': 'ask_timeout' })
  })

  it('that throws at once counts as a failure like any other', async () => {
    const kernel = await openKernel({ schedule: manualTime().schedule })
    start(kernel, {
      ...handling(),
      ask() {
        throw new PermanentError('bad_address', 'there is no such address')
      },
    })
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
  })

  it('does not hold back the deliveries behind it', async () => {
    const gate = deferred()
    const kernel = await openKernel()
    const handler: Handler = {
      ...handling(),
      ask: ({ subject }) => (subject === 'slow' ? gate.promise : Promise.resolve()),
    }
    start(kernel, handler)
    await deliver(kernel, { body: bodyOf(created('slow')) })
    await deliver(kernel)

    await eventually('the second is handled', async () => (await effects(kernel)).includes('order-1'))
    expect(kernel.memory.unsettled(QUEUE)).toBe(1)
    gate.resolve()
    await outcome(kernel, 2)
  })
})

describe('a delivery that fails', () => {
  it('comes back after its waiting room, with the same bytes and its next attempt', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    const attempts: number[] = []
    start(
      kernel,
      handling((event, draft, { attempt }) => {
        attempts.push(attempt)
        if (attempt === 1) throw new TransientError('busy', 'not now')
        return save(event.subject, draft)
      }),
    )
    const body = bodyOf(created('order-1'))
    await deliver(kernel, { body })
    expect(await outcome(kernel)).toMatchObject({ outcome: 'retry' })
    const [waiting] = kernel.memory.messages('retry.1s.queue')
    expect(waiting?.body).toBe(body.toString())

    time.advance(999)
    expect(kernel.memory.messages('retry.1s.queue')).toHaveLength(1)
    time.advance(1)

    expect(await outcome(kernel, 2)).toMatchObject({ outcome: 'handled' })
    expect(attempts).toEqual([1, 2])
    expect(await effects(kernel)).toEqual(['order-1'])
  })

  it('is not tried again before it was asked to, however often it leaves a room, and then as its next attempt', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    const attempts: number[] = []
    let nowMs = Date.parse(NOW)
    const advance = (ms: number) => {
      nowMs += ms
      time.advance(ms)
    }
    const handler = handling((event, draft, { attempt }) => {
      attempts.push(attempt)
      if (attempt === 1) throw new TransientError('busy', 'in a minute', { retryAfterSeconds: 60.5 })
      return save(event.subject, draft)
    })
    const now = () => new Date(nowMs)
    consume({ ...kernel.kernel, now }, { queue: QUEUE, prefetch: 10, handlers: [handler] })
    await deliver(kernel)
    await outcome(kernel, 1)
    expect(kernel.memory.messages('retry.30s.queue')).toHaveLength(1)
    advance(30_000)
    await outcome(kernel, 2)
    advance(30_000)
    await outcome(kernel, 3)
    expect([attempts, kernel.memory.messages('retry.1s.queue').length]).toEqual([[1], 1])
    advance(1_000)
    expect(await outcome(kernel, 4)).toMatchObject({ outcome: 'handled' })
    expect(attempts).toEqual([1, 2])
  })

  it('without having been tried comes back as the same attempt, with no mark of a failure', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    const attempts: number[] = []
    start(
      kernel,
      handling((event, draft, { attempt }) => {
        if (attempts.push(attempt) === 1) throw new TransientError('crowded', 'others first', { isUntried: true })
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)
    await outcome(kernel)
    const [waiting] = kernel.memory.messages('retry.1s.queue')
    expect(waiting?.properties.headers).not.toHaveProperty('history')
    time.advance(1_000)
    expect(await outcome(kernel, 2)).toMatchObject({ outcome: 'handled' })
    expect(attempts).toEqual([1, 1])
  })

  it('undoes what its handler had already saved', async () => {
    const kernel = await openKernel({ schedule: manualTime().schedule })
    start(
      kernel,
      handling((event, draft) => {
        save(event.subject, draft)
        throw new TransientError('busy', 'not now')
      }),
    )
    await deliver(kernel)

    await outcome(kernel)

    expect(await effects(kernel)).toEqual([])
    expect(publishedIds(kernel)).toEqual([])
  })

  it('for good goes to the dead letters at once: same bytes, and why', async () => {
    const kernel = await openKernel()
    start(kernel, handling(throwing(new PermanentError('no_such_thing', 'this can never work'))))
    const body = bodyOf(created('order-1'))
    await deliver(kernel, { body })

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    const [dead, ...others] = kernel.memory.messages(DLQ)
    expect(others).toEqual([])
    expect(dead?.body).toBe(body.toString())
    expect(dead?.properties).toMatchObject({
      messageId: 'order-1/order.created',
      type: 'order.created',
      correlationId: 'order-1',
      headers: {
        queue: QUEUE,
        service: 'test-service',
        'service-version': '1.2.3',
        'failed-at': NOW,
        'error-code': 'no_such_thing',
        'error-message': 'this can never work',
        'error-stack': expect.stringContaining('consumer.test.ts'),
        'causation-id': 'request-1',
        attempt: 1,
      },
    })
    expect(JSON.parse(String(dead?.properties.headers.history))).toEqual([
      { at: NOW, attempt: 1, error: 'no_such_thing: this can never work' },
    ])
  })

  it('too often goes to the dead letters, with the history of its attempts', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    start(kernel, handling(throwing(new Error('the disk is on fire'))))
    await deliver(kernel)

    for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
      await outcome(kernel, attempt)
      time.advance(30_000)
    }
    await outcome(kernel, ATTEMPTS_MAX)

    expect(kernel.outcomes.map((it) => it.outcome)).toEqual(['retry', 'retry', 'retry', 'dead_letter'])
    const [dead] = kernel.memory.messages(DLQ)
    const history: { attempt: number; error: string }[] = JSON.parse(String(dead?.properties.headers.history))
    expect(history.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(history.every(({ error }) => error === 'Error: the disk is on fire')).toBe(true)
    expect(dead?.properties.headers).not.toHaveProperty('x-death')
  })

  it.each([
    ['waits', new TransientError('busy', 'not now')],
    ['is a dead letter', new PermanentError('bad', 'never')],
  ])('is not acked before its copy, which %s, is confirmed', async (_, error) => {
    const kernel = await openKernel({ schedule: manualTime().schedule })
    const confirm = deferred()
    const reached = deferred()
    const broker: Broker = {
      ...kernel.broker,
      publish(publication) {
        reached.resolve()
        return confirm.promise.then(() => kernel.broker.publish(publication))
      },
    }
    const handlers = [handling(throwing(error))]
    consume({ ...kernel.kernel, broker }, { queue: QUEUE, prefetch: 10, handlers })
    await deliver(kernel)

    await reached.promise
    await new Promise((turn) => setImmediate(turn))
    expect(kernel.memory.unsettled(QUEUE)).toBe(1)

    confirm.resolve()
    await outcome(kernel)
  })

  it('stays unacked when its copy is refused', async () => {
    const kernel = await openKernel()
    const refused = new PermanentError('unpublishable', 'no')
    const broker: Broker = { ...kernel.broker, publish: () => Promise.reject(refused) }
    const handlers = [handling(throwing(new PermanentError('bad', 'never')))]
    consume({ ...kernel.kernel, broker }, { queue: QUEUE, prefetch: 10, handlers })
    await deliver(kernel)

    await eventually('it is told', () => kernel.lines.some(({ msg }) => msg === 'left unsettled'))

    expect(kernel.memory.unsettled(QUEUE)).toBe(1)
    expect(kernel.outcomes).toEqual([])
  })

  it('spoils nobody else in its group', async () => {
    const kernel = await openKernel()
    start(
      kernel,
      handling((event, draft) => {
        if (event.subject === 'bad') throw new PermanentError('bad', 'bad')
        return save(event.subject, draft)
      }),
    )
    await Promise.all(['a', 'bad', 'c'].map((id) => deliver(kernel, { body: bodyOf(created(id)) })))

    await outcome(kernel, 3)

    expect(await effects(kernel)).toEqual(['a', 'c'])
    expect(kernel.memory.messages(DLQ)).toHaveLength(1)
  })

  it('because what it says is invalid changes nothing and goes to the dead letters', async () => {
    const kernel = await openKernel()
    start(
      kernel,
      handling((event, draft) => [...save(event.subject, draft), invalid('order-2')]),
    )
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(await effects(kernel)).toEqual([])
    expect(publishedIds(kernel)).toEqual([])
    expect(kernel.memory.messages(DLQ)[0]?.properties.headers['error-code']).toBe('invalid_message')
  })
})

describe('a message that cannot be understood', () => {
  const envelope = JSON.parse(bodyOf(created('order-1')).toString())
  const changed = (change: object) => Buffer.from(JSON.stringify({ ...envelope, ...change }))

  it.each([
    ['undecodable', Buffer.from('{"half":')],
    ['undecodable', Buffer.from([0xff, 0x00, 0xfe])],
    ['not_a_cloudevent', changed({ specversion: '0.3' })],
    ['unknown_type', changed({ type: 'order.exploded' })],
    ['unknown_version', changed({ dataschema: 'urn:orders:order.created:2' })],
    ['invalid_data', changed({ data: { user: 'gayal' } })],
    ['unexpected_type', bodyOf(reserved('order-1'))],
  ])('goes to the dead letters as %s, its bytes kept', async (code, body) => {
    const kernel = await openKernel()
    start(kernel)
    await deliver(kernel, { body })

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })

    const [dead] = kernel.memory.messages(DLQ)
    expect(dead?.body).toBe(body.toString())
    expect(dead?.properties.headers['error-code']).toBe(code)
    expect(await effects(kernel)).toEqual([])
  })
})

describe('a message of a type that is no longer heard', () => {
  const sent = () => encode(created('order-1'), 'order-service', {})

  it.each([
    ['its delivery', {}],
    ['a body that nobody understands any more', { body: Buffer.from('{"half":') }],
    ['one that comes back from a waiting room', { headers: { attempt: 3, delay: '5s' } }],
    ['one that is not due yet', { headers: { attempt: 2, delay: '30s', 'not-before': '2999-01-01T00:00:00.000Z' } }],
  ])(
    'is settled, and nothing happens: %s',
    async (_, { body = sent().body, headers = {} }: Partial<Publication> & { headers?: object }) => {
      const kernel = await openKernel()
      start(kernel, handling(), { retired: ['notification.sent', 'order.created'] })
      const properties = { ...sent().properties, headers: { ...sent().properties.headers, ...headers } }
      await deliver(kernel, { body, properties })

      expect(await outcome(kernel)).toMatchObject({ type: 'order.created', outcome: 'handled' })

      expect(await effects(kernel)).toEqual([])
      expect(publishedIds(kernel)).toEqual([])
      for (const queue of [DLQ, 'retry.1s.queue', 'retry.5s.queue', 'retry.30s.queue'])
        expect([queue, kernel.memory.messages(queue)]).toEqual([queue, []])
    },
  )

  it('leaves the others as they are', async () => {
    const kernel = await openKernel()
    start(kernel, handling(), { retired: ['notification.sent'] })
    await deliver(kernel)
    await outcome(kernel)
    expect(await effects(kernel)).toEqual(['order-1'])
  })
})

describe('giving up', () => {
  const refusing = (giveUp: Handler['giveUp'], more: Partial<Handler> = {}): Handler => ({
    ...handling(),
    ask: () => Promise.reject(new PermanentError('gateway_down', 'nobody answers')),
    giveUp,
    ...more,
  })

  it('takes the place of the dead letter where it is a business outcome', async () => {
    const kernel = await openKernel()
    const reasons: string[] = []
    start(
      kernel,
      refusing((event, draft, _, { error, reason }) => {
        reasons.push(error.message, reason)
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'gave_up' })
    expect(reasons).toEqual(['nobody answers', 'gateway_down: nobody answers'])
    expect(await effects(kernel)).toEqual(['order-1'])
    await eventually('its event is published', () => publishedIds(kernel).length === 1)
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('is not what becomes of a fault of our own', async () => {
    const kernel = await openKernel()
    start(kernel, {
      ...handling(throwing(new PermanentError('broken_rule', 'a bug'))),
      ask: () => Promise.resolve('answered'),
      giveUp: (event, draft) => save(event.subject, draft),
    })
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(await effects(kernel)).toEqual([])
  })

  it('comes only after the last attempt', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    start(kernel, {
      ...handling(),
      ask: () => Promise.reject(new TransientError('gateway_down', 'nobody answers')),
      giveUp: (event, draft) => save(event.subject, draft),
    })
    await deliver(kernel)

    for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
      await outcome(kernel, attempt)
      expect(await effects(kernel)).toEqual([])
      time.advance(30_000)
    }

    expect(await outcome(kernel, ATTEMPTS_MAX)).toMatchObject({ outcome: 'gave_up' })
    expect(await effects(kernel)).toEqual(['order-1'])
  })

  it('keeps the dead letter too where an operator may want to send it again', async () => {
    const kernel = await openKernel()
    start(
      kernel,
      refusing((event, draft) => save(event.subject, draft), { keepDeadLetter: true }),
    )
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(await effects(kernel)).toEqual(['order-1'])
    expect(kernel.memory.messages(DLQ)).toHaveLength(1)
  })

  it('that fails is tried again after the longest room, and nothing is lost', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    let full = true
    start(
      kernel,
      refusing((event, draft) => {
        if (full) throw new TransientError('SQLITE_FULL', 'database or disk is full')
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)
    expect(await outcome(kernel)).toMatchObject({ outcome: 'retry' })
    expect(kernel.memory.messages('retry.30s.queue')).toHaveLength(1)

    full = false
    time.advance(30_000)

    expect(await outcome(kernel, 2)).toMatchObject({ outcome: 'gave_up' })
    expect(await effects(kernel)).toEqual(['order-1'])
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('that can never work ends in the dead letters instead of circling for ever', async () => {
    const kernel = await openKernel()
    start(
      kernel,
      refusing(() => [invalid('order-1')]),
    )
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(kernel.memory.messages(DLQ)[0]?.properties.headers['error-code']).toBe('invalid_message')
  })
})

describe('a message that comes again while its first delivery still asks outside', () => {
  it('waits for it, so that an asker who looks first asks once', async () => {
    const gate = deferred()
    const kernel = await openKernel()
    let calls = 0
    start(kernel, {
      ...handling(),
      async ask(event, { read }) {
        if ((await read(notes, event.subject)) !== undefined) return undefined
        calls += 1
        if (event.subject === 'order-1') await gate.promise
      },
    })
    await deliver(kernel)
    await eventually('the first one asks', () => calls === 1)
    kernel.memory.cut('test')
    await deliver(kernel, { body: bodyOf(created('order-2')) })
    await eventually('one that was handed out later is done', async () => (await effects(kernel)).includes('order-2'))
    gate.resolve()

    await outcome(kernel, 3)
    expect(calls).toBe(2)
    expect(await effects(kernel)).toEqual(['order-1', 'order-2'])
  })
})

describe('closing a consumer', () => {
  it('waits for what is under way and takes nothing new', async () => {
    const gate = deferred()
    const kernel = await openKernel()
    const consumer = start(kernel, { ...handling(), ask: () => gate.promise })
    await deliver(kernel)
    await eventually('it is under way', () => kernel.memory.unsettled(QUEUE) === 1)
    let closed = false

    const closing = consumer.close().then(() => {
      closed = true
    })
    await deliver(kernel, { body: bodyOf(created('order-2')) })
    expect(closed).toBe(false)
    gate.resolve()
    await closing

    expect(kernel.memory.unsettled(QUEUE)).toBe(0)
    expect(await effects(kernel)).toEqual(['order-1'])
    expect(kernel.memory.messages(QUEUE)).toHaveLength(1)
  })

  it('waits for what was handed out a moment before', async () => {
    const kernel = await openKernel()
    const consumer = start(kernel)
    await deliver(kernel)

    await consumer.close()

    expect(kernel.memory.unsettled(QUEUE) + kernel.memory.messages(QUEUE).length).toBe(0)
    expect(await effects(kernel)).toEqual(['order-1'])
  })

  it('leaves a call outside that does not end: its message comes back, and no attempt is used up', async () => {
    const reached = deferred()
    const kernel = await openKernel()
    let wasCutOff = false
    const consumer = start(kernel, {
      ...handling(),
      ask: (_, { signal }) => {
        reached.resolve()
        signal.addEventListener('abort', () => {
          wasCutOff = true
        })
        return deferred().promise
      },
      giveUp: (event, draft) => save(event.subject, draft),
    })
    await deliver(kernel)
    await reached.promise

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const closed = consumer.close()
    await vi.advanceTimersByTimeAsync(1_900)
    expect(wasCutOff).toBe(false)
    await vi.advanceTimersByTimeAsync(100)
    vi.useRealTimers()
    await closed
    await kernel.broker.close(0)

    expect(wasCutOff).toBe(true)
    expect(kernel.outcomes).toEqual([])
    expect(kernel.memory.messages(QUEUE)).toMatchObject([{ properties: { headers: { attempt: 1 } } }])
    expect(await effects(kernel)).toEqual([])
  })

  it('leaves a delivery unacked whose copy the broker no longer takes', async () => {
    const gate = deferred()
    const reached = deferred()
    const kernel = await openKernel()
    const consumer = start(kernel, {
      ...handling(),
      async ask() {
        reached.resolve()
        await gate.promise
        throw new PermanentError('bad', 'bad')
      },
    })
    await deliver(kernel)
    await reached.promise

    await kernel.broker.close(0)
    gate.resolve()
    await consumer.close()

    expect(kernel.lines.map(({ msg }) => msg)).toContain('left unsettled')
    expect(kernel.outcomes).toEqual([])
    expect(kernel.memory.messages(QUEUE)).toHaveLength(1)
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })
})

describe('the log', () => {
  it('has one line for each outcome', async () => {
    const time = manualTime()
    const kernel = await openKernel({ schedule: time.schedule })
    start(
      kernel,
      handling((event, draft, { attempt }) => {
        if (attempt === 1) throw new TransientError('busy', 'not now')
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)
    await outcome(kernel)
    time.advance(1_000)
    await outcome(kernel, 2)

    expect(kernel.lines.map(({ msg, attempt }) => [msg, attempt])).toEqual([
      ['failed, will be tried again', 1],
      ['handled', 2],
    ])
  })
})
