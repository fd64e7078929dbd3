// The token of one-click unsubscribe: what it says, who may have made it, and how long it serves.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { recipientOf } from '../rules/preferences.ts'
import { readUnsubscribeToken, unsubscribeHeaders, unsubscribeLink, unsubscribeToken } from '../rules/unsubscribe.ts'

const secret = 'a secret of more than thirty-two characters'
const about = { recipient: 'gayal', category: 'newsletter' }

it('says for whom and what, and is safe in a URL', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('newsletter', '☃ 😀', ''), (recipient, category) => {
      const token = unsubscribeToken({ recipient, category }, secret)
      expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/)
      expect(readUnsubscribeToken(token, secret)).toEqual({ recipient, category })
    }),
    { numRuns: 50 },
  )
})

it('says in which language the mail was, where that was asked for; older ones do not', () => {
  const token = unsubscribeToken({ ...about, locale: 'de-AT' }, secret)
  expect(readUnsubscribeToken(token, secret)).toEqual({ ...about, locale: 'de-AT' })
  expect(readUnsubscribeToken(unsubscribeToken(about, secret), secret)).toEqual({ ...about, locale: undefined })
})

it('is refused with any character changed, or under another secret', () => {
  const token = unsubscribeToken(about, secret)
  const other = (character = '') => (character === 'A' ? 'B' : 'A')
  // The last character carries bits that no byte needs.
  const changed = [...token.slice(0, -1)].map(
    (character, index) => token.slice(0, index) + other(character) + token.slice(index + 1),
  )
  expect(changed.filter((one) => readUnsubscribeToken(one, secret) !== undefined)).toEqual([])
  const forged = unsubscribeToken({ ...about, recipient: 'somebody' }, secret).split('.')[0]
  const broken = ['', '.', 'x', `${token}.x`, token.split('.')[0] ?? '', `${forged}.${token.split('.')[1]}`]
  expect(broken.filter((one) => readUnsubscribeToken(one, secret) !== undefined)).toEqual([])
  expect(readUnsubscribeToken(token, 'another secret of thirty-two characters')).toBe(undefined)
})

it('serves under an older secret that is still named', () => {
  const token = unsubscribeToken(about, secret)
  expect(readUnsubscribeToken(token, `a newer one,${secret}`)).toEqual(about)
  expect(unsubscribeToken(about, `${secret},an older one`)).toBe(token)
})

it('fits into a header line, whatever a customer is called', () => {
  const recipient = recipientOf('\u{1f600}'.repeat(200), 'email', 'g@example.org')
  const locale = 'abc-12345678-12345678-12345678-12345678'
  const settings = { unsubscribeUrl: `https://${'n'.repeat(190)}.example`, unsubscribeSecret: secret }
  const headers = unsubscribeHeaders(unsubscribeLink({ recipient, category: 'c'.repeat(40), locale }, settings))
  expect(`List-Unsubscribe: ${headers['List-Unsubscribe']}`.length).toBeLessThan(998)
})

it('is in the headers of the mail where both settings are made', () => {
  const settings = { unsubscribeUrl: 'https://notify.example.com', unsubscribeSecret: secret }
  expect(unsubscribeHeaders(unsubscribeLink(about, settings))).toEqual({
    'List-Unsubscribe': `<https://notify.example.com/unsubscribe/${unsubscribeToken(about, secret)}>`,
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
  })
  expect(unsubscribeHeaders(unsubscribeLink(about, { unsubscribeSecret: secret }))).toEqual({})
})
