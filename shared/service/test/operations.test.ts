// What operators ask a service over the broker, and what its copies say of themselves.
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ExportReply, operationsOf } from '../../contracts/definition/operations.ts'
import { openKernel, waiting as rows } from '../../handling/test/kernel.ts'
import { ask } from '../../messaging/rpc.ts'
import { type Kept, taskOf } from '../../retries/kept.ts'
import { addTasks } from '../../retries/retries.ts'
import { eventually } from '../../testing/index.ts'
import { type Gathered, gatheringBy } from '../gathering.ts'
import { serveOperations } from '../operations.ts'
import { createWaiting } from '../waiting.ts'

const SERVICE = 'payment-service'
const operations = operationsOf(SERVICE)
const QUEUE = operations.state.queue
/** Longer than a busy machine takes for an answer. */
const LIMIT_MS = 20_000

const nothing: ExportReply = { page: '{}', next: null }

async function start({ faults = [] as string[], openBreakers = [] as string[], exporting = async () => nothing } = {}) {
  const test = await openKernel()
  const kernel = { ...test.kernel, service: SERVICE }
  let woken = 0
  const waiting = createWaiting({ ...test, wake: () => void woken++ })
  const breakers = ['gateway', 'bank'].map((name) => ({
    name,
    state: () => (openBreakers.includes(name) ? ('open' as const) : ('closed' as const)),
  }))
  const serving = serveOperations(kernel, {
    consumers: [],
    waiting,
    breakers,
    faults: async () => faults,
    exporting,
  })
  onTestFinished(() => serving.close())
  return { ...test, serving, asker: test.memory.connect('operator'), woken: () => woken }
}

const kept = (type: string, keptAt: string): Kept => ({
  ...taskOf(
    { exchange: '', routingKey: 'payment.queue', body: Buffer.from(type), properties: { type, headers: {} } },
    keptAt,
  ),
  dueAt: '2026-11-22T08:00:00.000Z',
})

type Started = Awaited<ReturnType<typeof start>>
const reports = ({ memory }: Pick<Started, 'memory'>) =>
  memory.messages('audit.copies.queue').map(({ body }) => JSON.parse(body))

describe('a service that is asked', () => {
  it('says how it is: why it is not ready, what waits since when, and whom it leaves alone', async () => {
    const { asker, database } = await start({ faults: ['stopping'], openBreakers: ['gateway'] })
    await addTasks(database, [kept('payment.void', '2026-11-21T06:00:00.000Z')])
    const refund = kept('payment.refund', '2026-11-21T07:00:00.000Z')
    const tried = (id: string, attempts: number, why: string) => ({ ...refund, id, attempts, why })
    await addTasks(database, [
      tried('1', 0, 'an earlier one must come first'),
      tried('2', 2, `451 <ann@example.com> is not taken now${'!'.repeat(300)}`),
      tried('3', 1, 'once, something else'),
    ])
    await addTasks(database, [{ ...kept('order.created', '2026-11-21T07:30:00.000Z'), code: 'unknown_version' }])

    expect(await ask(asker, operations.state, {}, LIMIT_MS)).toEqual({
      service: SERVICE,
      version: '1.2.3',
      copy: expect.stringMatching(/^.+\/[0-9a-f]{8}$/),
      startedAt: '2026-11-21T08:00:00.000Z',
      faults: ['stopping'],
      outboxRows: 0,
      retries: expect.arrayContaining([
        { type: 'payment.void', count: 1, oldest: '2026-11-21T06:00:00.000Z', unknown: 0, why: null },
        {
          ...{ type: 'payment.refund', count: 3, oldest: '2026-11-21T07:00:00.000Z', unknown: 0 },
          why: expect.stringMatching(/^451 <\[private\]> is not taken now!{160,}$/),
        },
        { type: 'order.created', count: 1, oldest: '2026-11-21T07:30:00.000Z', unknown: 1, why: null },
      ]),
      openBreakers: ['gateway'],
    })
  })

  it('shows what waits, page by page', async () => {
    const { asker, database } = await start()
    await addTasks(database, [kept('payment.void', '2026-11-21T06:00:00.000Z')])
    await addTasks(database, [kept('payment.refund', '2026-11-21T07:00:00.000Z')])
    const page = (after?: string) =>
      ask(asker, operations.retries, { limit: '1', ...(after !== undefined && { after }) }, LIMIT_MS)
    const first = await page()
    const second = await page(first.next ?? '')
    expect([...first.retries, ...second.retries].map(({ type }) => type).sort()).toEqual([
      'payment.refund',
      'payment.void',
    ])
    expect(await ask(asker, operations.retries, { type: 'payment.void' }, LIMIT_MS)).toMatchObject({
      retries: [{ type: 'payment.void' }],
      next: null,
    })
  })

  it('hastens and gives up what waits, and says so where nothing waits', async () => {
    const test = await start()
    const one = kept('payment.void', '2026-11-21T06:00:00.000Z')
    await addTasks(test.database, [one])

    expect(await ask(test.asker, operations.hasten, { id: one.id }, LIMIT_MS)).toMatchObject({
      dueAt: '2026-11-21T08:00:00.000Z',
    })
    expect(await ask(test.asker, operations.giveUp, { id: one.id }, LIMIT_MS)).toMatchObject({ code: 'given_up' })
    expect(await rows(test)).toMatchObject([{ id: one.id, code: 'given_up' }])
    expect(test.woken()).toBe(2)
    const nobody = ask(test.asker, operations.hasten, { id: '0'.repeat(32) }, LIMIT_MS)
    await expect(nobody).rejects.toMatchObject({ status: 404, code: 'no_such_retry' })
  })

  it('answers a question that it does not know, or cannot read, with an error: it keeps no dead letter', async () => {
    const { asker, memory, outcomes } = await start()
    const answerTo = async (type: string, body: string) =>
      JSON.parse((await asker.request(QUEUE, { type, body: Buffer.from(body) }, LIMIT_MS)).toString())
    expect(await answerTo('operations.of_tomorrow', '{}')).toMatchObject({ ok: false, code: 'unknown_type' })
    expect(await answerTo('operations.hasten', '{"id":"?"}')).toMatchObject({ ok: false, code: 'invalid_data' })
    expect(await answerTo('operations.state', 'garbage')).toMatchObject({ ok: false, code: 'undecodable' })
    expect(await answerTo('operations.state', '{}')).toMatchObject({ ok: true })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['handled', 'handled', 'handled', 'handled'])
    expect([memory.unsettled(QUEUE), memory.messages('payment.dlq')]).toEqual([0, []])
  })

  it('takes what nobody waits for any more without an answer', async () => {
    const { asker, memory } = await start()
    await asker.publish({ exchange: '', routingKey: QUEUE, body: Buffer.from('?'), properties: { headers: {} } })
    await eventually('it is taken', () => memory.unsettled(QUEUE) + memory.messages(QUEUE).length === 0)
  })

  it('of which no copy is there answers nothing, and the question is gone', async () => {
    const { asker, memory, serving } = await start()
    await serving.close()
    await expect(ask(asker, operations.state, {}, 100)).rejects.toMatchObject({ status: 504 })
    await eventually('it has expired', () => memory.messages(QUEUE).length === 0)
  })
})

it('what it cannot give out of somebody is told after what it can, and is not all that is missing', async () => {
  const page = JSON.stringify({
    records: [{ table: 'payments', record: { id: 1 } }],
    missing: ['a file'],
    subjects: [],
  })
  const pages = [page, JSON.stringify({ records: [], missing: ['another'], subjects: [] })]
  let asked = 0
  const exporting = async () => ({
    page: pages[asked++] ?? '{"records":[],"subjects":[]}',
    next: asked < 2 ? '1' : null,
  })
  const { asker } = await start({ exporting })
  const asIs = async (text: string) => text
  const crossing = { seal: asIs, open: asIs }
  const gather = gatheringBy({ broker: asker, services: [SERVICE], crossing, openKey: async () => undefined })
  const found: Gathered[] = []
  for await (const one of gather({ ownerId: 'cus_1', names: [] }, {})) found.push(one)
  expect(found).toEqual([
    { service: SERVICE, table: 'payments', record: { id: 1 } },
    { service: SERVICE, missing: 'a file' },
    { service: SERVICE, missing: 'another' },
  ])
})

it('a copy says how it is when it begins and when it stops, without being asked', async () => {
  const faults: string[] = []
  const test = await start({ faults })
  await eventually('it has said so', () => reports(test).length === 1)
  faults.push('stopping')
  await test.serving.close()
  const [began, stopped] = await eventually('it has said it again', () => reports(test).length === 2 && reports(test))
  expect(began).toMatchObject({ service: SERVICE, faults: [] })
  expect(stopped).toEqual({ ...began, faults: ['stopping'] })
})

it('a copy whose database is away says that, and nothing of what waits in it', async () => {
  const { asker, database } = await start({ faults: ['database: away'] })
  await database.close()
  expect(await ask(asker, operations.state, {}, LIMIT_MS)).toMatchObject({
    faults: ['database: away'],
    outboxRows: null,
    retries: [],
  })
})
