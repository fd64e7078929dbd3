// What is remembered is what would have been sealed or opened anew, and is nothing to another key.
import { expect, it } from 'vitest'
import { secretsOf } from '../cipher.ts'
import { createRecentCipher } from '../recent-cipher.ts'

const keyOf = (name: string) => ({ keyId: name.padEnd(16, '-'), secrets: secretsOf(Buffer.alloc(32, name)) })
const opened = () => createRecentCipher({ generationChars: 100_000, saidAgainMax: 200 })
const [ann, bob] = [keyOf('ann'), keyOf('bob')]

it.each([
  ['a name', 'Ann'],
  ['nothing', ''],
  ['a text that is too long to be said again', 'x'.repeat(1_000)],
])('%s is sealed to the same bytes each time, and opens', (_, text) => {
  const [one, other] = [opened(), opened()]
  const sealed = one.seal(ann, 'here', text)
  expect([one.seal(ann, 'here', text), other.seal(ann, 'here', text)]).toEqual([sealed, sealed])
  expect([one.open(ann, 'here', sealed), other.open(ann, 'here', sealed)]).toEqual([text, text])
  expect([one.hash(ann, text), one.hash(ann, text)]).toEqual([other.hash(ann, text), other.hash(ann, text)])
})

it('another key opens nothing that is remembered, and seals and hashes otherwise', () => {
  const cipher = opened()
  const sealed = cipher.seal(ann, 'here', 'Ann')
  expect(cipher.open(bob, 'here', sealed)).toBeUndefined()
  const successor = { keyId: ann.keyId, secrets: secretsOf(Buffer.alloc(32, 'new')) }
  for (const key of [bob, successor]) {
    expect(cipher.seal(key, 'here', 'Ann')).not.toBe(sealed)
    expect(cipher.hash(key, 'Ann')).not.toBe(cipher.hash(ann, 'Ann'))
  }
  expect(cipher.open(ann, 'here', sealed)).toBe('Ann')
})

it('what is older than what it remembers is sealed and opened all the same', () => {
  const cipher = opened()
  const texts = Array.from({ length: 4_000 }, (_, index) => `text ${index}`)
  const sealed = texts.map((text) => cipher.seal(ann, 'here', text))
  expect(sealed.map((one) => cipher.open(ann, 'here', one))).toEqual(texts)
})

it('what is remembered of one place says nothing in another, wherever the place ends and the text begins', () => {
  const cipher = opened()
  const sealed = cipher.seal(ann, 'here', 'Ann')
  expect(cipher.open(ann, 'there', sealed)).toBeUndefined()
  expect(cipher.seal(ann, 'there', 'Ann')).not.toBe(sealed)
  const places = ['a', 'ab', 'abc', 'abcd']
  const all = places.map((place) => cipher.seal(ann, place, 'abcde'.slice(place.length)))
  expect(places.map((place, index) => opened().open(ann, place, all[index] ?? ''))).toEqual(['bcde', 'cde', 'de', 'e'])
})

it('what was opened is sealed again to the bytes from which it was opened', () => {
  const sealed = opened().seal(ann, 'here', 'Ann')
  const cipher = opened()
  expect(cipher.open(ann, 'here', sealed)).toBe('Ann')
  expect(cipher.seal(ann, 'here', 'Ann')).toBe(sealed)
})
