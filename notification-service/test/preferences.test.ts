// What customers may switch off, and what they cannot.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey, isOptedOut, recipientOf, silenced, withoutMailOf } from '../rules/preferences.ts'

const off = { email: false, sms: false, push: false, webhook: false }
const newsletter = { category: 'newsletter', isTransactional: false, channels: ['email', 'sms'] as const }
const order = { category: 'order', isTransactional: true, channels: ['email', 'sms'] as const }

describe('a channel that is switched off', () => {
  it('is off for its own category only', () => {
    const preferences = { categories: { newsletter: { email: false } } }
    expect([isOptedOut(preferences, newsletter, 'email'), isOptedOut(preferences, newsletter, 'sms')]).toEqual([
      true,
      false,
    ])
    expect(isOptedOut(preferences, order, 'email')).toBe(false)
  })

  it('is off for a transactional category too, as long as another one is left', () => {
    const preferences = { categories: { order: { email: false } } }
    expect([isOptedOut(preferences, order, 'email'), isOptedOut(preferences, order, 'sms')]).toEqual([true, false])
  })

  it('is used all the same where nothing is left to a transactional message', () => {
    const preferences = { categories: { order: { email: false, sms: false } } }
    expect([isOptedOut(preferences, order, 'email'), isOptedOut(preferences, order, 'sms')]).toEqual([false, true])
    expect(isOptedOut(preferences, { ...order, channels: ['sms'] }, 'sms')).toBe(false)
  })
})

it('always leaves a transactional message one way, and takes any other at its word', () => {
  const flag = fc.option(fc.boolean(), { nil: undefined })
  const chosen = fc.record({ email: flag, sms: flag, push: flag, webhook: flag })
  const some = fc.subarray(['email', 'sms', 'push', 'webhook'] as const, { minLength: 1 })
  fc.assert(
    fc.property(chosen, some, (category, channels) => {
      const left = (isTransactional: boolean) => {
        const about = { category: 'c', isTransactional, channels }
        return channels.filter((channel) => !isOptedOut({ categories: { c: category } }, about, channel))
      }
      const wanted = channels.filter((channel) => category[channel] !== false)
      expect(left(false)).toEqual(wanted)
      expect(left(true)).toEqual(wanted.length === 0 ? channels.slice(0, 1) : wanted)
    }),
    { numRuns: 50 },
  )
})

it('names the transactional categories that nothing is left to', () => {
  const isTransactional = (category: string) => category === 'order'
  const preferences = { categories: { order: off, newsletter: off, payment: { ...off, sms: true } } }
  expect(silenced(preferences, isTransactional)).toEqual(['order'])
})

it('switches off the mails of one category and leaves the rest as it was', () => {
  const before = { quietHours: '22:00-08:00', categories: { a: { sms: true, digest: true }, b: { email: true } } }
  expect(withoutMailOf(before, 'a')).toEqual({
    quietHours: '22:00-08:00',
    categories: { a: { sms: true, digest: true, email: false }, b: { email: true } },
  })
  expect(withoutMailOf({ categories: {} }, 'c')).toEqual({ categories: { c: { email: false } } })
})

it('knows who is no customer by a digest of the address, the same however the mailbox is written', () => {
  expect(recipientOf('gayal', 'email', 'g@example.com')).toBe('customer gayal')
  const key = addressKey('email', 'G@Example.com')
  expect(key).toMatch(/^address [0-9a-f]{32}$/)
  expect([recipientOf(null, 'email', 'g@example.com'), addressKey('sms', 'g@example.com') === key]).toEqual([
    key,
    false,
  ])
})
