// The simulated carrier keeps the promises that the rules rely on.
import { expect, test } from 'vitest'
import { openSimulatedCarrier } from '../carrier.ts'

const carrier = openSimulatedCarrier()
const book = (key: string, address?: string) => carrier.book({ key, address, lines: [] }, new AbortController().signal)

test('the same key is the same parcel, also after a restart', async () => {
  const first = await book('1', '1 Harbour Street')
  expect(first).toEqual({ outcome: 'booked', trackingId: 'SIM-6B86B273FF34', carrier: 'simulated-post' })
  expect(await openSimulatedCarrier().book({ key: '1', address: undefined, lines: [] }, AbortSignal.abort())).toEqual(
    first,
  )
})

test('another key is another parcel', async () => {
  expect(await book('2')).not.toEqual(await book('1'))
})

test.each(['Nowhere', '12 nowhere lane', 'the middle of NOWHERE'])('refuses for good: %s', async (address) => {
  expect(await book('1', address)).toEqual({ outcome: 'refused', reason: 'address_not_served' })
})

test('a word that only begins so is an address like any other', async () => {
  expect(await book('1', 'Nowhereville')).toMatchObject({ outcome: 'booked' })
})
