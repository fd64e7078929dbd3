// The simulated payment provider keeps the promises that the rules rely on.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Gateway, openSimulatedGateway } from '../gateway.ts'

const never = new AbortController().signal
const now = () => new Date('2026-01-05T10:00:00Z')
let folder: { path: string; remove(): Promise<void> }
let gateway: Gateway

const open = () => openSimulatedGateway({ path: join(folder.path, 'deeper', 'gateway.db'), now })
const charge = (key: string, method = 'tok_visa', amountCents = 500) =>
  gateway.charge({ key, amountCents, method }, never)
const unavailable = { name: 'TransientError', code: 'gateway_unavailable' }

beforeEach(async () => {
  folder = await scratchFolder()
  gateway = open()
})
afterEach(async () => {
  gateway.close()
  await folder.remove()
})

test.each([
  ['', { ...unavailable, retryAfterSeconds: 0, isOutside: true }],
  ['120', { name: 'TransientError', code: 'gateway_throttled', retryAfterSeconds: 120, isOutside: true }],
])('while it does not serve (%j), no call changes its books', async (text, refusal) => {
  const down = join(folder.path, 'deeper', 'gateway.db.down')
  await charge('1')
  await writeFile(down, text)
  await expect(charge('2')).rejects.toMatchObject(refusal)
  await expect(gateway.void('2')).rejects.toMatchObject(refusal)
  await expect(gateway.refund({ key: '1', refundKey: '1', amountCents: 500 })).rejects.toMatchObject(refusal)
  await rm(down)
  expect(await gateway.lookup('1')).toMatchObject({ status: 'charged', calls: 1 })
  expect(await gateway.lookup('2')).toBeUndefined()
})

test('a key is charged once, however often it is charged', async () => {
  expect([await charge('1'), await charge('1'), await charge('1', 'tok_declined', 9)]).toEqual(
    Array(3).fill({ outcome: 'charged', chargeId: 'ch_1' }),
  )
  expect(await gateway.lookup('1')).toEqual({
    key: '1',
    amountCents: 500,
    status: 'charged',
    chargeId: 'ch_1',
    refundId: null,
    refundedCents: 0,
    calls: 3,
    createdAt: '2026-01-05T10:00:00.000Z',
    refundedAt: null,
  })
})

test('keys have nothing to do with each other', async () => {
  expect([await charge('1'), await charge('2')]).toEqual([
    { outcome: 'charged', chargeId: 'ch_1' },
    { outcome: 'charged', chargeId: 'ch_2' },
  ])
  expect(await gateway.lookup('3')).toBeUndefined()
})

test('a declined key stays declined, also for another method', async () => {
  const declined = { outcome: 'declined', reason: 'card_declined' }
  expect([await charge('1', 'tok_declined'), await charge('1'), await charge('2', 'tok_unheard_of')]).toEqual(
    Array(3).fill(declined),
  )
})

test('a voided key is never charged', async () => {
  expect([await gateway.void('1'), await charge('1'), await gateway.void('1')]).toEqual(
    Array(3).fill({ outcome: 'voided' }),
  )
  expect(await gateway.lookup('1')).toMatchObject({ status: 'voided', chargeId: null, calls: 3 })
})

test('a void that comes after the charge tells of it and changes nothing', async () => {
  await charge('1')
  expect(await gateway.void('1')).toEqual({ outcome: 'charged', chargeId: 'ch_1' })
  expect(await gateway.lookup('1')).toMatchObject({ status: 'charged' })
})

const whole = { key: '1', refundKey: '1', amountCents: 500 }

test('a charge is refunded once, however often it is refunded', async () => {
  await charge('1')
  expect([await gateway.refund(whole), await gateway.refund(whole)]).toEqual(
    Array(2).fill({ outcome: 'refunded', chargeId: 'ch_1', refundId: 're_1' }),
  )
  expect(await gateway.lookup('1')).toMatchObject({ status: 'refunded', refundedAt: '2026-01-05T10:00:00.000Z' })
})

test('a refund cannot be charged again, and a void after it still tells of the charge', async () => {
  await charge('1')
  await gateway.refund(whole)
  const first = { outcome: 'charged', chargeId: 'ch_1' }
  expect([await charge('1'), await gateway.void('1')]).toEqual([first, first])
  expect(await gateway.lookup('1')).toMatchObject({ status: 'refunded' })
})

test('parts of a charge are refunded, each once, and never more than was charged', async () => {
  await charge('1')
  const part = (number: number, amountCents: number) =>
    gateway.refund({ key: '1', refundKey: `1/${number}`, amountCents })
  const [first] = [await part(1, 300), await part(1, 300)]
  expect(first).toEqual({ outcome: 'refunded', chargeId: 'ch_1', refundId: 're_1_1' })
  expect(await part(2, 201)).toEqual({ outcome: 'refused', reason: 'more_than_charged' })
  expect(await gateway.lookup('1')).toMatchObject({ status: 'charged', refundedCents: 300 })
  expect(await part(3, 200)).toMatchObject({ outcome: 'refunded' })
  expect(await part(1, 300)).toEqual(first)
  expect(await gateway.lookup('1')).toMatchObject({ status: 'refunded', refundedCents: 500 })
})

test('what was never charged cannot be refunded', async () => {
  await charge('declined', 'tok_declined')
  await gateway.void('voided')
  for (const key of ['unknown', 'declined', 'voided'])
    expect(await gateway.refund({ ...whole, key })).toEqual({ outcome: 'refused', reason: 'nothing_to_refund' })
})

test('tok_gateway_down: no charge, no answer, but a void works', async () => {
  await expect(charge('1', 'tok_gateway_down')).rejects.toMatchObject(unavailable)
  expect(await gateway.lookup('1')).toBeUndefined()
  expect(await gateway.void('1')).toEqual({ outcome: 'voided' })
})

test('tok_answer_lost: charged, and a void finds out', async () => {
  await expect(charge('1', 'tok_answer_lost')).rejects.toMatchObject(unavailable)
  await expect(charge('1', 'tok_answer_lost')).rejects.toMatchObject(unavailable)
  expect(await gateway.void('1')).toEqual({ outcome: 'charged', chargeId: 'ch_1' })
})

test('tok_slow charges nothing when the asker stops waiting', async () => {
  const impatient = new AbortController()
  const slow = gateway.charge({ key: '1', amountCents: 1, method: 'tok_slow' }, impatient.signal)
  impatient.abort()
  await expect(slow).rejects.toMatchObject({ name: 'AbortError' })
  expect(await gateway.lookup('1')).toBeUndefined()
})

test('tok_slow charges in the end', async () => {
  const patient = openSimulatedGateway({ path: join(folder.path, 'slow.db'), now, slowMs: 1 })
  const slow = await patient.charge({ key: '1', amountCents: 1, method: 'tok_slow' }, never)
  patient.close()
  expect(slow).toEqual({ outcome: 'charged', chargeId: 'ch_1' })
})

test('the books outlive the service, and two copies share them', async () => {
  await charge('1')
  await gateway.void('2')
  const other = open()
  expect(await other.charge({ key: '2', amountCents: 1, method: 'tok_visa' }, never)).toEqual({ outcome: 'voided' })
  other.close()
  gateway.close()
  gateway = open()
  expect(await charge('1', 'tok_declined')).toEqual({ outcome: 'charged', chargeId: 'ch_1' })
  expect(await gateway.lookup('2')).toMatchObject({ status: 'voided', calls: 2 })
})
