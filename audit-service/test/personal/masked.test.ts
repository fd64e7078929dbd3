// Nothing that tells about a person is shown by itself: what a contract marks, and all of what no contract describes.
import { registry } from '@orders/shared/contracts'
import { expect, it } from 'vitest'
import { ACTED, SOURCE } from '../../acting.ts'
import { impersonalData, MASK, maskedBytes, maskedData } from '../../personal/masked.ts'

const { type, dataschema } = registry.contracts.get('order.created') ?? { type: '', dataschema: '' }
const personal = { user: 'gayal', contact: { email: 'gayal@example.com', phone: '+43' }, shippingAddress: '42 Lane' }
const data = { ...personal, priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] }
const created = { type, dataschema, source: '/order-service', data }
const acted = { type: ACTED, source: SOURCE, data: { operator: 'ann', reason: 'to see' } }

it('what a contract marks is masked, and the rest stays', () => {
  expect(maskedData(registry, created)).toEqual({
    ...{ user: MASK, contact: { email: MASK, phone: MASK }, shippingAddress: MASK },
    ...{ priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] },
  })
  expect(impersonalData(registry, created)).toEqual({
    ...{ contact: {}, priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] },
  })
})

it.each([
  ['a type that nobody knows', { ...created, type: 'order.teleported' }],
  ['a version that nobody knows', { ...created, dataschema: 'urn:orders:order.created:99' }],
  ['what operators did, said by a stranger', { ...acted, source: '/stranger' }],
])('all of %s is masked', (_, event) => {
  expect(maskedData(registry, event)).toBe(MASK)
  expect(impersonalData(registry, event)).toBeUndefined()
})

it('who did what is not', () => expect(maskedData(registry, acted)).toEqual(acted.data))

it.each([
  ['no JSON', Buffer.from('gayal wrote'), 11],
  ['no text', Buffer.from([0xff, 0x67]), 2],
  ['a list', Buffer.from('["gayal"]'), 9],
  ['an object of no known type', Buffer.from('{"user":"gayal"}'), 16],
])('of bytes that are %s only their number is shown', (_, bytes, count) => {
  expect(maskedBytes(registry, bytes)).toEqual({ text: `${MASK} (${count} bytes of no known form)` })
})

it('a message is shown as the event that it is', () => {
  const { text } = maskedBytes(registry, Buffer.from(JSON.stringify({ id: '1', ...created })))
  expect(JSON.parse(text)).toMatchObject({ id: '1', type, data: { user: MASK, priority: 'standard' } })
  expect(text).not.toMatch(/gayal|Lane|\+43/)
})
