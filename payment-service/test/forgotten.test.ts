// Whoever is forgotten is not charged: how they would pay is forgotten too, so the key at the gateway is closed and the payment fails.
import { describe, expect, it } from 'vitest'
import { callForCharge, callForReservation } from '../calls.ts'
import { decideCharge, decideReservation, type Payment, reserved } from '../domain.ts'

const NOW = '2026-11-21T08:00:00.000Z'
const terms = { confirmAboveCents: 1_000, confirmWithinMs: 60_000 }
const left = { user: 'forgotten', priority: 'standard' as const, lines: [], totalCents: 5_000 }
const voided = { outcome: 'voided' } as const
const saidBy = ({ messages }: ReturnType<typeof decideReservation>) =>
  messages.map(({ type, data }) => [type, (data as { reason?: string }).reason])

describe('a reservation for somebody who is forgotten', () => {
  it('is neither charged nor asked about, whatever it costs', () => {
    expect(callForReservation(undefined, left, terms, true)).toEqual({ call: 'void' })
    expect(callForReservation(undefined, { ...left, totalCents: 10 }, terms, true)).toEqual({ call: 'void' })
  })

  it('fails, and says why', () => {
    const settled = { reservation: left, settlement: voided, terms, now: NOW, isForgotten: true as const }
    const decision = decideReservation('1', undefined, settled)
    expect(decision.state).toMatchObject({ status: 'failed', reason: 'customer_forgotten' })
    expect(saidBy(decision)).toEqual([['payment.failed', 'customer_forgotten']])
  })

  it('changes nothing the second time', () => {
    const { state } = decideReservation('1', undefined, {
      reservation: left,
      settlement: voided,
      terms,
      now: NOW,
      isForgotten: true,
    })
    expect(callForReservation(state, left, terms, true)).toBeUndefined()
    expect(decideReservation('1', state, { reservation: left, terms, now: NOW, isForgotten: true })).toEqual({
      messages: [],
    })
  })
})

it('what was confirmed by somebody who is forgotten since fails too', () => {
  const confirmed: Payment = { ...reserved('1', undefined, left, NOW, true), status: 'confirmed' }
  expect(callForCharge(confirmed)).toEqual({ call: 'void' })
  expect(decideCharge(confirmed, voided, NOW).state).toMatchObject({ status: 'failed', reason: 'customer_forgotten' })
})
