// What is remembered of rows is what would have been sealed or opened anew, and is nothing to another key.
import { expect, it } from 'vitest'
import { secretsOf } from '../cipher.ts'
import { createRowCipher } from '../row-cipher.ts'

const keyOf = (name: string) => ({ keyId: name.padEnd(16, '-'), secrets: secretsOf(Buffer.alloc(32, name)) })
const [ann, bob] = [keyOf('ann'), keyOf('bob')]

it.each([
  ['a name', 'Ann'],
  ['nothing', ''],
  ['a text that is too long to be said again', 'x'.repeat(1_000)],
])('%s is sealed to the same bytes each time, and opens', (_, text) => {
  const [one, other] = [createRowCipher(), createRowCipher()]
  const sealed = one.seal(ann, text)
  expect([one.seal(ann, text), other.seal(ann, text)]).toEqual([sealed, sealed])
  expect([one.open(ann.secrets, sealed), other.open(ann.secrets, sealed)]).toEqual([text, text])
  expect([one.hash(ann, text), one.hash(ann, text)]).toEqual([other.hash(ann, text), other.hash(ann, text)])
})

it('another key opens nothing that is remembered, and seals and hashes otherwise', () => {
  const cipher = createRowCipher()
  const sealed = cipher.seal(ann, 'Ann')
  expect(cipher.open(bob.secrets, sealed)).toBeUndefined()
  const successor = { keyId: ann.keyId, secrets: secretsOf(Buffer.alloc(32, 'new')) }
  for (const key of [bob, successor]) {
    expect(cipher.seal(key, 'Ann')).not.toBe(sealed)
    expect(cipher.hash(key, 'Ann')).not.toBe(cipher.hash(ann, 'Ann'))
  }
  expect(cipher.open(ann.secrets, sealed)).toBe('Ann')
})

it('what is older than what it remembers is sealed and opened all the same', () => {
  const cipher = createRowCipher()
  const texts = Array.from({ length: 40_000 }, (_, index) => `text ${index}`)
  const sealed = texts.map((text) => cipher.seal(ann, text))
  expect(sealed.map((one) => cipher.open(ann.secrets, one))).toEqual(texts)
})
