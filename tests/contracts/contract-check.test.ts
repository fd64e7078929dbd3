// A change of a contract is told before it is released: who breaks, in which queue, at which field, and why. The breaks are planted.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { orders, registry, rpcs } from '@orders/shared/contracts'
import { type AnyContract, contractsOf, type Registry } from '@orders/shared/messaging'
import { type TObject, Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agreed, isAgreed } from '../../scripts/contracts/agreed.ts'
import { breaksBetween } from '../../scripts/contracts/check.ts'
import { record } from '../../scripts/contracts/record.ts'
import { contractsNow, type Release, readReleases } from '../../scripts/contracts/released.ts'

const { event, rpc } = contractsOf('orders')
const RELEASED = Type.Object({
  amount: Type.Integer({ minimum: 0 }),
  kind: Type.Union([Type.Literal('whole'), Type.Literal('part')]),
  note: Type.Optional(Type.String({ maxLength: 100 })),
})

const registryOf = (...contracts: AnyContract[]): Registry => ({
  contracts: new Map(contracts.map((one) => [one.type, one])),
  rpcs: [],
  sources: new Set(),
})
const money = (data: TObject, more: object = {}) => event('payment.success', { summary: 'paid', data, ...more })
const release: Release = {
  version: '1.0.0',
  contracts: contractsNow(registryOf(money(RELEASED))),
  questions: [],
  messages: [],
}
const heard = { 'shipping.queue': ['payment.success'] }

/** What breaks when this is what is said and read from now on. */
function breaksOf(...contracts: AnyContract[]) {
  return breaksBetween([release], { registry: registryOf(...contracts), rpcs: [], heard })
}
const changed = (properties: object) => money(Type.Object({ ...RELEASED.properties, ...properties }))

const contract = 'urn:orders:payment.success:1'
const today = { reader: "shipping-service (today's)", queue: 'shipping.queue', contract }
const released = { reader: 'shipping-service (of 1.0.0)', queue: 'shipping.queue', contract }

describe('a contract that has changed since its release', () => {
  it('breaks nobody when it is the same, or has an optional field more', () => {
    expect(breaksOf(money(RELEASED))).toEqual([])
    expect(breaksOf(changed({ extra: Type.Optional(Type.String()) }))).toEqual([])
  })

  it('breaks who reads it today when a required field was added', () => {
    const why = 'is required by the reader, but is not published'
    expect(breaksOf(changed({ extra: Type.String() }))).toEqual([{ ...today, field: 'extra', why }])
  })

  it('breaks the released reader when its writer has one word more', () => {
    const kind = Type.Union([...RELEASED.properties.kind.anyOf, Type.Literal('none')])
    const why = 'may be "none", which the reader does not accept'
    expect(breaksOf(changed({ kind }))).toEqual([{ ...released, field: 'kind', why }])
  })

  it('breaks who reads it today when a word was taken away, a type or a bound narrowed', () => {
    expect(breaksOf(changed({ kind: Type.Union([Type.Literal('whole')]) }))).toMatchObject([
      { ...today, field: 'kind' },
    ])
    expect(breaksOf(changed({ amount: Type.Integer({ minimum: 1 }) }))).toEqual([
      { ...today, field: 'amount', why: 'has minimum 0 for the publisher, but 1 for the reader' },
    ])
    expect(breaksOf(changed({ note: Type.Optional(Type.String({ maxLength: 10 })) }))).toEqual([
      { ...today, field: 'note', why: 'has maxLength 100 for the publisher, but 10 for the reader' },
    ])
  })

  it('breaks both when a type is another one', () => {
    expect(breaksOf(changed({ amount: Type.String() }))).toEqual([
      { ...today, field: 'amount', why: 'is published as integer but read as string' },
      { ...released, field: 'amount', why: 'is published as string but read as integer' },
    ])
  })

  it('breaks the released reader when a field was removed, or need not be there any more', () => {
    const { amount: _, ...others } = RELEASED.properties
    expect(breaksOf(money(Type.Object(others)))).toEqual([
      { ...released, field: 'amount', why: 'is required by the reader, but is not published' },
    ])
    expect(breaksOf(changed({ amount: Type.Optional(RELEASED.properties.amount) }))).toEqual([
      { ...released, field: 'amount', why: 'is required by the reader, but may be missing' },
    ])
  })

  it('breaks who reads it today when it is gone, or has a new version without a reader of the old one', () => {
    const why = 'is published by release 1.0.0, and nothing reads it any more'
    expect(breaksOf()).toMatchObject([{ ...today, why }])
    expect(breaksOf(money(Type.Object({ cents: Type.Integer() }), { version: 2 }))).toEqual([
      { ...today, field: '', why },
    ])
  })

  it('breaks nobody when the old version is read as the new one', () => {
    const earlier = [{ version: 1, data: RELEASED, up: ({ amount }: { amount: number }) => ({ cents: amount }) }]
    expect(breaksOf(money(Type.Object({ cents: Type.Integer() }), { version: 2, earlier }))).toEqual([])
  })

  it('breaks who cannot read what was recorded of it', () => {
    const message = JSON.stringify({
      ...{ specversion: '1.0', id: '1/payment.success', source: '/payment-service', type: 'payment.success' },
      ...{ subject: '1', time: '2026-01-01T00:00:00Z', dataschema: contract, data: { amount: -1, kind: 'whole' } },
    })
    const found = breaksBetween([{ ...release, messages: [message] }], {
      registry: registryOf(money(RELEASED)),
      rpcs: [],
      heard,
    })
    expect(found).toMatchObject([
      { ...today, why: expect.stringContaining('1/payment.success, recorded with 1.0.0: /data/amount') },
    ])
  })
})

it('a question is read by who answers, and its answer by who asks, of both versions', () => {
  const asked = (request: TObject, reply: TObject) =>
    rpc('payment.get', { queue: 'payment.rpc.queue', summary: 'where it stands', request, reply })
  const [id, status] = [Type.Object({ id: Type.String() }), Type.Object({ status: Type.String() })]
  const questions = [{ type: 'payment.get', queue: 'payment.rpc.queue', request: id, reply: status }]
  const breaks = (one: ReturnType<typeof asked>) =>
    breaksBetween([{ ...release, contracts: [], questions: JSON.parse(JSON.stringify(questions)) }], {
      registry: registryOf(),
      rpcs: [one],
      heard,
    }).map(({ reader, contract: part, field }) => [reader, part, field])
  expect(breaks(asked(id, status))).toEqual([])
  expect(breaks(asked(Type.Object({ id: Type.String(), why: Type.String() }), Type.Object({})))).toEqual([
    ["payment-service, today's", 'payment.get, question', 'why'],
    ['the asking service of 1.0.0', 'payment.get, answer', 'status'],
  ])
})

describe("today's contracts", () => {
  const found = breaksBetween(readReleases(), { registry, rpcs, heard: orders.heard })

  it('break nobody, but where it was agreed to', () => {
    expect(found.filter((one) => !isAgreed(one))).toEqual([])
  })

  it('are excused only from what there is', () => {
    const idle = agreed.filter(
      (one) => !found.some(({ contract: of, field }) => of === one.contract && field === one.field),
    )
    expect(idle).toEqual([])
  })
})

describe('a release that is recorded', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'releases-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is never recorded again', async () => {
    await rm(join(folder, '9.9.9'), { recursive: true, force: true })
    const { mkdir } = await import('node:fs/promises')
    await mkdir(join(folder, '9.9.9'))
    await expect(record('9.9.9', folder)).rejects.toThrow('a release never changes')
    expect(await readFile(join(folder, '9.9.9', 'contracts.json'), 'utf8').catch(() => 'nothing')).toBe('nothing')
  })
})
