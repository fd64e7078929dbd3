// Questions and answers: whoever asks gets the answer, the other side's own refusal, or a status that says who failed.
import { describe, expect, it, onTestFinished } from 'vitest'
import { about } from '../../commit/work.ts'
import { PaymentConfirm, PaymentGet } from '../../contracts/index.ts'
import { ask } from '../../messaging/rpc.ts'
import { deferred } from '../../runtime/deferred.ts'
import { RejectedError, TransientError } from '../../runtime/errors.ts'
import { owned } from '../../storage/state.ts'
import { eventually, recordSpans, tracing, typesInTrace } from '../../testing/index.ts'
import { type Answerer, answers } from '../questions.ts'
import { serve } from '../serve.ts'
import { around, effects, notes, openKernel, payment, publishedIds, reserved, type TestKernel } from './kernel.ts'

const QUEUE = 'payment.rpc.queue'
/** Longer than a busy machine takes for an answer. */
const LIMIT_MS = 20_000
const confirming = answers(PaymentConfirm, ({ orderId }, now) =>
  about(notes, orderId, () => ({ state: now, result: { ...payment, orderId }, messages: [reserved(orderId)] })),
)

function start(kernel: TestKernel, ...answerers: Answerer[]) {
  const asker = kernel.memory.connect('asker')
  const server = serve(kernel.kernel, QUEUE, 10, answerers)
  const failure = (timeoutMs = LIMIT_MS) =>
    ask(asker, PaymentConfirm, { orderId: 'order-1' }, timeoutMs).then(
      () => undefined,
      (error: unknown) => error,
    )
  return { asker, server, failure }
}

/** Changes something, and then refuses. */
const refusing = (error: Error): Answerer =>
  answers(PaymentConfirm, ({ orderId }) => ({
    reads: () => [owned(notes, orderId)],
    decide(draft) {
      draft.set(notes, orderId, 'half')
      throw error
    },
  }))
/** A server that answers what no server of ours would. */
async function answering(body: string) {
  const kernel = await openKernel()
  const asker = kernel.memory.connect('asker')
  kernel.broker.subscribe(QUEUE, 1, (question) => {
    kernel.broker.reply(question, Buffer.from(body))
    question.ack()
  })
  return ask(asker, PaymentGet, { orderId: 'order-1' }, LIMIT_MS).catch((error: unknown) => error)
}

describe('a question', () => {
  it('is answered after what it changed is committed, and what it says is published', async () => {
    const kernel = await openKernel()
    const { asker } = start(kernel, confirming)

    expect(await ask(asker, PaymentConfirm, { orderId: 'order-1' }, LIMIT_MS)).toEqual(payment)

    expect(await effects(kernel)).toEqual(['order-1'])
    await eventually('its event is published', () => publishedIds(kernel).length === 1)
    await eventually('it is settled', () => kernel.memory.unsettled(QUEUE) === 0)
    expect(kernel.outcomes).toMatchObject([{ queue: QUEUE, type: 'payment.confirm', outcome: 'handled' }])
  })

  it('is a step of its asker’s trace, and so is what it says', async () => {
    const kernel = await openKernel()
    const { asker } = start(kernel, confirming)
    await ask(asker, PaymentConfirm, { orderId: 'order-1' }, LIMIT_MS, tracing)
    await eventually('its event is published', () => publishedIds(kernel).length === 1)
    expect(typesInTrace(kernel.memory.messages('audit.queue'))).toEqual(['inventory.reserved'])
  })

  it('is a span from the question to the answer, where somebody traces, and what it says is its child', async () => {
    const { spans, stop } = recordSpans()
    onTestFinished(stop)
    const kernel = await openKernel()
    const { asker, failure } = start(kernel, confirming)
    await ask(asker, PaymentConfirm, { orderId: 'order-1' }, LIMIT_MS, tracing)
    const asked = () => spans.filter(({ name }) => name === 'ask payment.confirm')
    const created = await eventually('it is published', () => spans.find(({ name }) => name.startsWith('create')))
    const [, , caller] = tracing.traceparent.split('-')
    expect(asked()).toMatchObject([{ kind: 'CLIENT', parentId: caller, isEnded: true, status: { code: 0 } }])
    expect(created.parentId).toBe(asked()[0]?.context.spanId)

    await asker.close(0)
    await failure()
    expect(asked()[1]).toMatchObject({ isEnded: true, status: { code: 2 } })
  })

  it('is not answered before the commit', async () => {
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
    const { asker } = start(kernel, confirming)
    let answered = false
    const asked = ask(asker, PaymentConfirm, { orderId: 'order-1' }, LIMIT_MS).then(() => {
      answered = true
    })
    await reached.promise
    await new Promise((turn) => setImmediate(turn))
    expect(answered).toBe(false)
    gate.resolve()
    await asked
  })

  it('that is refused gets the refusal’s own status, code and words, and changes nothing', async () => {
    const kernel = await openKernel()
    const { failure } = start(kernel, refusing(new RejectedError(409, 'already_paid', 'this order is paid')))

    const refusal = await failure()

    expect(refusal).toBeInstanceOf(RejectedError)
    expect(refusal).toMatchObject({ status: 409, code: 'already_paid', message: 'this order is paid' })
    expect(await effects(kernel)).toEqual([])
    expect(publishedIds(kernel)).toEqual([])
    expect(kernel.memory.messages('payment.rpc.dlq')).toEqual([])
  })

  it('that the server fails to answer gets 503 and nothing of the failure’s inside', async () => {
    const kernel = await openKernel()
    const { failure } = start(kernel, refusing(new TransientError('SQLITE_FULL', 'disk /dev/sda1 is full')))

    expect(await failure()).toMatchObject({
      status: 503,
      code: 'SQLITE_FULL',
      message: 'the service cannot answer now; try again',
    })
    expect(kernel.lines.filter(({ msg }) => msg === 'RPC request failed')).toHaveLength(1)
    expect(await effects(kernel)).toEqual([])
  })

  it('that nobody answers in time gets 504, and is never served late', async () => {
    const kernel = await openKernel()
    const asker = kernel.memory.connect('asker')

    const failure = await ask(asker, PaymentConfirm, { orderId: 'order-1' }, 20).catch((error: unknown) => error)

    expect(failure).toMatchObject({ status: 504, code: 'no_answer_in_time' })
    start(kernel, confirming)
    await eventually('the queue is empty', () => kernel.memory.messages(QUEUE).length === 0)
    expect(await effects(kernel)).toEqual([])
  })

  it('without a connection gets 503 at once', async () => {
    const kernel = await openKernel()
    const { asker, failure } = start(kernel, confirming)
    await asker.close(0)

    expect(await failure()).toMatchObject({ status: 503, code: 'broker_unavailable', retryAfterSeconds: 2 })
  })

  it('whose connection is lost while it waits gets 503', async () => {
    const kernel = await openKernel()
    const asker = kernel.memory.connect('asker')
    const asked = ask(asker, PaymentGet, { orderId: 'order-1' }, LIMIT_MS).catch((error: unknown) => error)
    await eventually('it is on its way', () => kernel.memory.messages(QUEUE).length === 1)

    kernel.memory.cut('asker')

    expect(await asked).toMatchObject({ status: 503, code: 'broker_unavailable' })
  })

  it.each([
    ['no JSON', 'oops'],
    ['null', 'null'],
    ['an array', '[]'],
    ['no known form', '{"ok":"perhaps"}'],
    ['a reply of another shape', '{"ok":true,"reply":{"orderId":"order-1"}}'],
    ['no reply', '{"ok":true}'],
    ['a refusal without a status', '{"ok":false,"code":"x","message":"y"}'],
    ['a refusal with a status that is no refusal', '{"ok":false,"status":200,"code":"x","message":"y"}'],
  ])('that is answered with %s gets 502', async (_, body) => {
    expect(await answering(body)).toMatchObject({ name: 'RejectedError', status: 502, code: 'bad_answer' })
  })
})

describe('a question that cannot be understood', () => {
  it.each([
    ['unknown_type', 'payment.steal', '{"orderId":"order-1"}'],
    ['undecodable', 'payment.confirm', '{"orderId":'],
    ['invalid_data', 'payment.confirm', '{"orderId":"../etc"}'],
    ['invalid_data', 'payment.confirm', 'null'],
    ['too_large', 'payment.confirm', `"${'x'.repeat(1_048_577)}"`],
  ])('goes to the dead letters as %s', async (code, type, body) => {
    const kernel = await openKernel()
    const { asker } = start(kernel, confirming)
    const asked = asker.request(QUEUE, { type, body: Buffer.from(body) }, LIMIT_MS).catch(() => undefined)

    const [dead] = await eventually('it is a dead letter', () => {
      const messages = kernel.memory.messages('payment.rpc.dlq')
      return messages.length > 0 && messages
    })

    expect(dead?.body).toBe(body)
    expect(dead?.properties.headers).toMatchObject({ 'error-code': code, queue: QUEUE })
    // A dead letter is kept for people: it must not vanish with its asker's patience.
    expect(dead?.properties).not.toHaveProperty('expirationMs')
    await eventually('it is settled', () => kernel.memory.unsettled(QUEUE) === 0)
    expect(kernel.outcomes).toMatchObject([{ outcome: 'dead_letter' }])
    await asker.close(0)
    await asked
  })
})

describe('closing a server', () => {
  it('waits for the question under way', async () => {
    const gate = deferred()
    const reached = deferred()
    const kernel = await openKernel({
      wrap: (database) =>
        around(database, async (run) => {
          reached.resolve()
          await gate.promise
          return run()
        }),
    })
    const { asker, server } = start(kernel, confirming)
    const asked = ask(asker, PaymentConfirm, { orderId: 'order-1' }, LIMIT_MS)
    await reached.promise

    let isClosed = false
    const closing = server.close().then(() => {
      isClosed = true
    })
    await new Promise((turn) => setImmediate(turn))
    expect(isClosed).toBe(false)
    gate.resolve()
    await closing

    expect(await asked).toEqual(payment)
    expect(kernel.memory.unsettled(QUEUE)).toBe(0)
  })
})
