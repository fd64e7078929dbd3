// The life of one delivery: every way through it, each to its end, with what is acked, copied, saved and said.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { about } from '../../commit/work.ts'
import { type Message, registry } from '../../contracts/index.ts'
import type { Broker, Publication } from '../../messaging/broker.ts'
import { decode, encode } from '../../messaging/envelope.ts'
import type { Arrived } from '../../messaging/publishable.ts'
import { MissingKeyError } from '../../personal/messages.ts'
import { handleDue } from '../../retries/due.ts'
import { hastened } from '../../retries/kept.ts'
import { listRetries, retries } from '../../retries/retries.ts'
import { deferred } from '../../runtime/deferred.ts'
import { PermanentError, TransientError } from '../../runtime/errors.ts'
import { type Draft, owned, type State } from '../../storage/state.ts'
import { eventually, type Schedule } from '../../testing/index.ts'
import { consume } from '../consumer.ts'
import type { Handler } from '../handler.ts'
import type { ConsumerOptions } from '../kernel.ts'
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
  waiting,
} from './kernel.ts'

const QUEUE = 'inventory.queue'
const DLQ = 'inventory.dlq'

// What is due is looked for when a test says so, and not before it has seen what waits.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** Straight to the queue, so that the audit's queue holds only what the handler says. */
function deliver({ broker }: TestKernel, change: Partial<Publication> = {}): Promise<void> {
  const publication = encode(registry, created('order-1'), 'order-service', { causationId: 'request-1' })
  const [, messageId = publication.properties.messageId] = /"id":"([^"]+)"/.exec(String(change.body ?? '')) ?? []
  const properties = { ...publication.properties, messageId }
  return broker.publish({ ...publication, properties, exchange: '', routingKey: QUEUE, ...change })
}

const bodyOf = (message: Message) => encode(registry, message, 'order-service', {}).body

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

/** Its first attempt fails, and its second one goes well. */
const busyOnce = () =>
  handling((event, draft, { attempt }) => {
    if (attempt === 1) throw new TransientError('busy', 'not now')
    return save(event.subject, draft)
  })

const throwing = (error: Error) => () => {
  throw error
}

function start({ kernel }: TestKernel, handler: Handler = handling(), options: Partial<ConsumerOptions> = {}) {
  return consume(kernel, { queue: QUEUE, prefetch: 10, handlers: [handler], ...options })
}

/** The same, and what is kept is handled when it is due; `later` lets time pass until it is. */
function startWithRetries(opened: TestKernel, handler: Handler, options: Partial<ConsumerOptions> = {}) {
  const due = handleDue(opened.kernel, [start(opened, handler, options)], [], 500)
  onTestFinished(() => due.close())
  return (ms: number) => {
    opened.pass(ms)
    due.wake()
  }
}

const settledTimes = (kernel: TestKernel, times: number) =>
  eventually(`${times} attempts have ended`, () => kernel.outcomes[times - 1])

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
    const publication = encode(registry, created('order-1'), 'order-service', {
      traceparent: `00-${trace}-b7ad6b7169203331-01`,
    })
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

  it('that takes too long is aborted, and the delivery is kept for a second', async () => {
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
    expect(await waiting(kernel)).toMatchObject([{ attempts: 1, code: 'ask_timeout', isOutside: true }])
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
  it('is kept as a row, and handled as its next attempt when it is due', async () => {
    const kernel = await openKernel()
    const attempts: number[] = []
    const later = startWithRetries(
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
    const [kept] = await waiting(kernel)
    expect(kept?.delivery.body.toString()).toBe(body.toString())
    const waitMs = Date.parse(kept?.dueAt ?? '') - Date.parse(NOW)
    expect(waitMs).toBeGreaterThanOrEqual(1_000)
    expect(waitMs).toBeLessThanOrEqual(1_100)

    later(waitMs - 1)
    await kernel.commit.submit({ reads: () => [], decide: () => ({ result: undefined, messages: [] }) })
    expect(attempts).toEqual([1])
    later(1)

    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
    expect(attempts).toEqual([1, 2])
    expect(await effects(kernel)).toEqual(['order-1'])
    expect(await waiting(kernel)).toEqual([])
  })

  it('is one row, however often it is delivered before it is acked', async () => {
    const kernel = await openKernel()
    start(kernel, handling(throwing(new TransientError('busy', 'not now'))))
    await deliver(kernel)
    await deliver(kernel)
    await outcome(kernel, 2)
    expect(await waiting(kernel)).toMatchObject([{ attempts: 1 }])
  })

  it('is not tried again before it was asked to', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(
      kernel,
      handling((event, draft, { attempt }) => {
        if (attempt === 1) throw new TransientError('busy', 'in an hour', { retryAfterSeconds: 3_600 })
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)
    await outcome(kernel)
    expect(await waiting(kernel)).toMatchObject([{ dueAt: '2026-11-21T09:00:00.000Z' }])
    later(3_600_000)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
  })

  it('without having been tried comes back as the same attempt, with no mark of a failure', async () => {
    const kernel = await openKernel()
    const attempts: number[] = []
    const later = startWithRetries(
      kernel,
      handling((event, draft, { attempt }) => {
        if (attempts.push(attempt) === 1) throw new TransientError('crowded', 'others first', { isUntried: true })
        return save(event.subject, draft)
      }),
    )
    await deliver(kernel)
    await outcome(kernel)
    expect(await waiting(kernel)).toMatchObject([{ attempts: 0, history: [] }])
    later(1_100)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
    expect(attempts).toEqual([1, 1])
  })

  it('is given up when the patience of its handler is over, tried or not, while the outside world does not serve', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, {
      ...handling(throwing(new TransientError('breaker_open', 'left alone', { isUntried: true, isOutside: true }))),
      patience: { waitsMs: [1_000], forMs: 60_000 },
    })
    await deliver(kernel)
    await outcome(kernel)
    later(30_000)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'retry' })
    later(30_000)
    expect(await settledTimes(kernel, 3)).toMatchObject({ outcome: 'dead_letter' })
    expect(kernel.memory.messages(DLQ)[0]?.properties.headers['error-code']).toBe('breaker_open')
    expect(await waiting(kernel)).toEqual([])
  })

  it('that is held back by its outside system is not tried before that serves, unless its time is over', async () => {
    const kernel = await openKernel()
    let isOpen = true
    const later = startWithRetries(kernel, {
      ...busyOnce(),
      guard: { isOpen: () => isOpen },
    })
    await deliver(kernel)
    await outcome(kernel)
    later(60_000)
    await eventually('it was looked for', async () => (await waiting(kernel))[0]?.attempts === 1)
    isOpen = false
    later(0)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
  })

  it('is due again at once when nobody knows whether it was claimed', async () => {
    let lost = 0
    const kernel = await openKernel({
      wrap: (database) => ({
        ...database,
        async transaction(work) {
          const result = await database.transaction(work)
          const [kept] = await listRetries(database, { limit: 1 })
          if (kept?.attempts !== 2 || lost++ > 0) return result
          throw new TransientError('commit_unknown', 'the connection was lost while committing', {
            isInterrupted: true,
          })
        },
      }),
    })
    const later = startWithRetries(kernel, busyOnce())
    await deliver(kernel)
    await outcome(kernel)
    later(1_100)
    await eventually('its claim is lost', () => lost === 1)
    await eventually('it is handled', () => {
      later(0)
      return kernel.outcomes[1]?.outcome === 'handled'
    })
    expect(await waiting(kernel)).toEqual([])
  })

  it('is counted before it is tried again, so that one which kills the process is given up', async () => {
    const kernel = await openKernel()
    const dying = deferred()
    const started: number[] = []
    const handler: Handler = {
      ...handling(throwing(new TransientError('busy', 'not now'))),
      ask(_, { attempt }) {
        started.push(attempt)
        return attempt === 2 ? dying.promise : Promise.resolve()
      },
    }
    const later = startWithRetries(kernel, handler)
    await deliver(kernel)
    await outcome(kernel)
    later(1_100)
    await eventually('it is being tried', () => started.length === 2)
    expect(await waiting(kernel)).toMatchObject([{ attempts: 2 }])
    // Nobody will ever tell of this attempt; when its time has passed, the next one is made.
    later(60_000)
    await eventually('it is tried again', () => started.length === 3)
    expect(started).toEqual([1, 2, 3])
    dying.resolve()
    await settledTimes(kernel, 3)
    // The attempt that was taken for dead has ended after all, and changed nothing.
    expect(await waiting(kernel)).toMatchObject([{ attempts: 3 }])
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
    const kernel = await openKernel()
    const later = startWithRetries(kernel, handling(throwing(new Error('the disk is on fire'))))
    await deliver(kernel)

    for (let attempt = 1; attempt < 4; attempt++) {
      await settledTimes(kernel, attempt)
      later(33_000)
    }
    await settledTimes(kernel, 4)

    expect(kernel.outcomes.map((it) => it.outcome)).toEqual(['retry', 'retry', 'retry', 'dead_letter'])
    const [dead] = kernel.memory.messages(DLQ)
    const history: { attempt: number; error: string }[] = JSON.parse(String(dead?.properties.headers.history))
    expect(history.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(history.every(({ error }) => error === 'Error: the disk is on fire')).toBe(true)
    expect(await waiting(kernel)).toEqual([])
  })

  it('is not acked before its row is committed', async () => {
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
    start(kernel, { ...handling(), ask: () => Promise.reject(new TransientError('busy', 'not now')) })
    await deliver(kernel)
    await reached.promise
    await new Promise((turn) => setImmediate(turn))
    expect(kernel.memory.unsettled(QUEUE)).toBe(1)
    gate.resolve()
    expect(await outcome(kernel)).toMatchObject({ outcome: 'retry' })
  })

  it('is not acked before its dead copy is confirmed', async () => {
    const kernel = await openKernel()
    const confirm = deferred()
    const reached = deferred()
    const broker: Broker = {
      ...kernel.broker,
      publish(publication) {
        reached.resolve()
        return confirm.promise.then(() => kernel.broker.publish(publication))
      },
    }
    const handlers = [handling(throwing(new PermanentError('bad', 'never')))]
    consume({ ...kernel.kernel, broker }, { queue: QUEUE, prefetch: 10, handlers })
    await deliver(kernel)

    await reached.promise
    await new Promise((turn) => setImmediate(turn))
    expect(kernel.memory.unsettled(QUEUE)).toBe(1)

    confirm.resolve()
    await outcome(kernel)
  })

  it('is left to its queue’s own dead-lettering when even its dead copy is refused', async () => {
    const kernel = await openKernel()
    const refused = new PermanentError('unpublishable', 'no')
    const broker: Broker = { ...kernel.broker, publish: () => Promise.reject(refused) }
    const handlers = [handling(throwing(new PermanentError('bad', 'never')))]
    consume({ ...kernel.kernel, broker }, { queue: QUEUE, prefetch: 10, handlers })
    await deliver(kernel)

    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(kernel.memory.messages(DLQ)).toMatchObject([{ properties: { messageId: 'order-1/order.created' } }])
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

describe('a message that a successor may understand', () => {
  const envelope = JSON.parse(bodyOf(created('order-1')).toString())
  const from = (source: string, change: object) => Buffer.from(JSON.stringify({ ...envelope, source, ...change }))
  const newer = { dataschema: 'urn:orders:order.created:2' }

  it.each([
    ['unknown_type', { type: 'order.exploded', dataschema: 'urn:orders:order.exploded:1' }],
    ['unknown_version', newer],
    ['unexpected_type', JSON.parse(bodyOf(reserved('order-1')).toString())],
  ])('is kept for it, as %s, when it comes from a service that is known', async (code, change) => {
    const kernel = await openKernel()
    start(kernel)
    const body = from('/test-service', { ...change, source: '/test-service' })
    await deliver(kernel, { body })
    expect(await outcome(kernel)).toMatchObject({ outcome: 'retry' })
    const { dataschema } = JSON.parse(body.toString())
    expect(await waiting(kernel)).toMatchObject([{ code, waitsFor: dataschema, attempts: 0 }])
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('is handled by the first that knows it', async () => {
    const kernel = await openKernel()
    start(kernel)
    const body = from('/test-service', newer)
    await deliver(kernel, { body })
    await outcome(kernel)
    const successor = start(kernel, handling(), { decode: () => ({ ...envelope, data: {} }) })
    const due = handleDue(kernel.kernel, [successor], [newer.dataschema], 500)
    onTestFinished(() => due.close())
    due.wake()
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
    expect(await waiting(kernel)).toEqual([])
  })

  it('has all its patience from the first that knows it, however long it has waited', async () => {
    const kernel = await openKernel()
    start(kernel)
    await deliver(kernel, { body: from('/test-service', newer) })
    await outcome(kernel)
    await kernel.kernel.database.run(`update retries set kept_at = '2026-01-01T00:00:00.000Z'`)
    const fails = handling(throwing(new TransientError('away', 'it is not there')))
    const patient = { ...fails, patience: { waitsMs: [60_000] as [number], forMs: 60_000 } }
    const successor = start(kernel, patient, { decode: () => ({ ...envelope, data: {} }) })
    const due = handleDue(kernel.kernel, [successor], [newer.dataschema], 500)
    onTestFinished(() => due.close())
    due.wake()
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'retry' })
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })

  it('is a dead letter when nobody has come to know it in a week, whenever an operator has hastened it', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, handling())
    await deliver(kernel, { body: from('/test-service', newer) })
    await outcome(kernel)
    const [before] = await waiting(kernel)
    await kernel.commit.submit(
      about(retries, before?.id ?? '', (kept) => ({
        ...(kept && { state: hastened(kept, NOW) }),
        messages: [],
        result: undefined,
      })),
    )
    later(6 * 86_400_000)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'retry' })
    expect(await waiting(kernel)).toMatchObject([{ endsAt: before?.endsAt, dueAt: before?.endsAt }])
    later(86_400_000)
    expect(await settledTimes(kernel, 3)).toMatchObject({ outcome: 'dead_letter' })
    expect(await waiting(kernel)).toEqual([])
  })
})

describe('a message whose key has not come', () => {
  it('is handled at once when the key comes while the row is being written', async () => {
    let wake: (() => void) | undefined
    const opened = await openKernel({ rowDue: () => wake?.() })
    let isThere = false
    const decoded = (delivery: Arrived) => {
      if (!isThere) {
        isThere = true
        throw new MissingKeyError('abcdefghijklmnop')
      }
      return decode(registry, delivery)
    }
    const due = handleDue(opened.kernel, [start(opened, handling(), { decode: decoded })], [], 500)
    onTestFinished(() => due.close())
    wake = due.wake
    await deliver(opened)

    await settledTimes(opened, 2)
    expect(opened.outcomes.map(({ outcome }) => outcome)).toEqual(['retry', 'handled'])
    expect(await waiting(opened)).toEqual([])
  })
})

describe('a message of a type that is no longer heard', () => {
  const sent = () => encode(registry, created('order-1'), 'order-service', {})

  it.each([
    ['its delivery', sent().body],
    ['a body that nobody understands any more', Buffer.from('{"half":')],
  ])('is settled, and nothing happens: %s', async (_, body) => {
    const kernel = await openKernel()
    start(kernel, handling(), { retired: ['notification.sent', 'order.created'] })
    await deliver(kernel, { body, properties: sent().properties })

    expect(await outcome(kernel)).toMatchObject({ type: 'order.created', outcome: 'handled' })

    expect(await effects(kernel)).toEqual([])
    expect(publishedIds(kernel)).toEqual([])
    expect([kernel.memory.messages(DLQ), await waiting(kernel)]).toEqual([[], []])
  })

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
    ask: () => Promise.reject(new PermanentError('gateway_down', 'nobody answers', { isOutside: true })),
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

  it.each([
    ['nobody foresaw', new TypeError('response.id is undefined')],
    ['is our own database’s', new PermanentError('number_too_large', 'no such number')],
  ])('is not what becomes of a failure while asking that %s', async (_, error) => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, {
      ...refusing((event, draft) => save(event.subject, draft)),
      ask: () => Promise.reject(error),
      patience: { waitsMs: [1_000], attemptsMax: 2 },
    })
    await deliver(kernel)
    await outcome(kernel)
    later(1_100)
    await eventually('it has ended', () => kernel.outcomes.at(-1)?.outcome === 'dead_letter')
    expect(await effects(kernel)).toEqual([])
  })

  it('is not what becomes of a read of our own database that takes too long', async () => {
    const kernel = await openKernel()
    const never: State<string> = { ...notes, load: () => deferred<Map<string, string>>().promise }
    start(
      kernel,
      {
        ...refusing((event, draft) => save(event.subject, draft)),
        ask: (event, { read }) => read(never, event.subject),
        patience: { waitsMs: [1_000], attemptsMax: 1 },
      },
      { askTimeoutMs: 20 },
    )
    await deliver(kernel)
    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(await effects(kernel)).toEqual([])
  })

  it('comes only after the last attempt', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, {
      ...handling(),
      ask: () => Promise.reject(new TransientError('gateway_down', 'nobody answers', { isOutside: true })),
      giveUp: (event, draft) => save(event.subject, draft),
    })
    await deliver(kernel)

    for (let attempt = 1; attempt < 4; attempt++) {
      await settledTimes(kernel, attempt)
      expect(await effects(kernel)).toEqual([])
      later(33_000)
    }

    expect(await settledTimes(kernel, 4)).toMatchObject({ outcome: 'gave_up' })
    expect(await effects(kernel)).toEqual(['order-1'])
    expect(await waiting(kernel)).toEqual([])
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

  it('that fails by a fault of ours ends in the dead letters, and says so', async () => {
    const kernel = await openKernel()
    start(
      kernel,
      refusing(() => {
        throw new Error('no such column: status')
      }),
    )
    await deliver(kernel)
    expect(await outcome(kernel)).toMatchObject({ outcome: 'dead_letter' })
    expect(kernel.memory.messages(DLQ)[0]?.properties.headers['error-message']).toBe('no such column: status')
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

    expect(kernel.outcomes).toEqual([])
    expect(kernel.memory.messages(QUEUE)).toHaveLength(1)
    expect(kernel.memory.messages(DLQ)).toEqual([])
  })
})

describe('while the database is away', () => {
  const away = () => new TransientError('disk_full', 'the disk is full', { isOutage: true })

  it('nothing is taken, what was taken is given back once, and all is handled when it is back', async () => {
    let isFull = true
    let tries = 0
    const kernel = await openKernel({
      wrap: (database) =>
        around(database, (run) => {
          tries += 1
          return isFull ? Promise.reject(away()) : run()
        }),
    })
    start(kernel)
    const ids = Array.from({ length: 30 }, (_, index) => `order-${index}`)
    await Promise.all(ids.map((id) => deliver(kernel, { body: bodyOf(created(id)) })))

    await eventually('it was probed', () => tries > 2)
    expect(kernel.memory.unsettled(QUEUE)).toBe(0)
    expect(kernel.memory.messages(QUEUE)).toHaveLength(30)
    expect(kernel.kernel.outage.fault()).toBe('the disk is full')
    isFull = false

    await eventually('all are handled', async () => (await effects(kernel)).length === 30)
    expect(kernel.lines.map(({ msg }) => msg).filter((msg) => /database/.test(msg))).toEqual([
      'the database is unavailable: consumers pause',
      'the database is back: consumers resume',
    ])
    expect(kernel.memory.messages(DLQ)).toEqual([])
    expect(await waiting(kernel)).toEqual([])
  })

  const interrupted = () => new TransientError('connection_lost', 'in a transaction', { isInterrupted: true })

  it('and ends every session, nothing is a dead letter: not even a row can be kept, and all is handled when it is back', async () => {
    let lost = 0
    const kernel = await openKernel({
      // Four tries to handle it, and four to keep it.
      wrap: (database) => around(database, (run) => (lost++ < 8 ? Promise.reject(interrupted()) : run())),
    })
    start(kernel)
    await deliver(kernel)

    expect(await settledTimes(kernel, 1)).toMatchObject({ outcome: 'handled' })
    expect(await effects(kernel)).toEqual(['order-1'])
    expect([kernel.memory.messages(DLQ), await waiting(kernel)]).toEqual([[], []])
  })

  it('and ends the sessions of one message, that one is kept as if it had not been tried, and given up after ten minutes', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, handling(throwing(interrupted())))
    await deliver(kernel)
    expect(await settledTimes(kernel, 1)).toMatchObject({ outcome: 'retry' })
    expect(await waiting(kernel)).toMatchObject([{ attempts: 0, history: [] }])
    later(599_000)
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'retry' })
    later(1_100)
    expect(await settledTimes(kernel, 3)).toMatchObject({ outcome: 'dead_letter' })
    expect(kernel.memory.messages(DLQ)).toHaveLength(1)
  })

  it('what was being tried again keeps its row, and its attempt is made when it is back', async () => {
    let isFull = false
    const kernel = await openKernel({
      wrap: (database) => around(database, (run) => (isFull ? Promise.reject(away()) : run())),
    })
    const gate = deferred()
    const later = startWithRetries(kernel, {
      ...busyOnce(),
      ask: async (_, { attempt }) => (attempt === 2 ? gate.promise : undefined),
    })
    await deliver(kernel)
    await outcome(kernel)
    later(1_100)
    await eventually('it is claimed', async () => (await waiting(kernel))[0]?.attempts === 2)
    isFull = true
    gate.resolve()
    await eventually('it is noticed', () => kernel.kernel.outage.fault() !== undefined)
    isFull = false
    expect(await settledTimes(kernel, 2)).toMatchObject({ outcome: 'handled' })
  })
})

describe('a queue without a delivery limit', () => {
  it('has its redeliveries counted: each is an attempt that nobody told of', async () => {
    const kernel = await openKernel()
    const gate = deferred()
    const attempts: number[] = []
    const later = startWithRetries(
      kernel,
      {
        ...handling(),
        async ask(_, { attempt }) {
          attempts.push(attempt)
          if (attempt === 1) await gate.promise
        },
      },
      { countsRedeliveries: true },
    )
    await deliver(kernel)
    await eventually('it is under way', () => attempts.length === 1)
    kernel.memory.cut('test')
    gate.resolve()
    await eventually('it is kept', async () => (await waiting(kernel)).length === 1)
    later(0)
    await eventually('it is handled as the second attempt', () => attempts.length === 2)
    expect(attempts).toEqual([1, 2])
  })
})

describe('the log', () => {
  it('has one line for each outcome', async () => {
    const kernel = await openKernel()
    const later = startWithRetries(kernel, busyOnce())
    await deliver(kernel)
    await outcome(kernel)
    later(1_100)
    await settledTimes(kernel, 2)

    expect(kernel.lines.map(({ msg, attempt }) => [msg, attempt])).toEqual([
      ['failed, will be tried again', 1],
      ['handled', 2],
    ])
  })
})
