// What providers say names addresses, which are left out before it is kept or told.
import { expect, it } from 'vitest'
import { withoutAddresses } from '../channels/address-in-text.ts'

it.each([
  ['550 5.1.1 <Ann.Lee@Example.org>: no such user', 'ann.lee@example.org', '550 5.1.1 <(address)>: no such user'],
  ['550 user other@example.net is full (forwarded)', 'ann@example.org', '550 user (address) is full (forwarded)'],
  ['the number +436604815162 is not reachable', '+436604815162', 'the number (address) is not reachable'],
  ['https://a.example/x?y=(1) has gone', 'https://a.example/x?y=(1)', '(address) has gone'],
  ['451 4.7.1 try again later', 'ann@example.org', '451 4.7.1 try again later'],
  ['no answer: ECONNRESET', '', 'no answer: ECONNRESET'],
])('%s', (text, address, expected) => {
  expect(withoutAddresses(text, address)).toBe(expected)
})
