// What is sealed about somebody opens by their key, in its place, and says nothing to anybody else.
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyIdOf, keyIdsIn, seal, secretsOf, unseal, unwrap, wrap } from '../cipher.ts'

const KEY_ID = 'abcdefghijklmnop'
const secrets = secretsOf(Buffer.alloc(32, 'a key'))

describe('a sealed text', () => {
  it('opens to what it was, whatever that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(unseal(secrets, 'order-1', seal(KEY_ID, secrets, 'order-1', text))).toBe(text)
      }),
    )
  })

  it('is the same bytes each time, and others for another text, place or key', () => {
    const others = [
      seal(KEY_ID, secrets, 'order-1', 'Ann'),
      seal(KEY_ID, secrets, 'order-1', 'Bob'),
      seal(KEY_ID, secrets, 'order-2', 'Ann'),
      seal(KEY_ID, secretsOf(Buffer.alloc(32, 'another')), 'order-1', 'Ann'),
    ]
    expect(seal(KEY_ID, secrets, 'order-1', 'Ann')).toBe(others[0])
    expect(new Set(others).size).toBe(others.length)
  })

  it('has a nonce that no other text shares, so that two of them under one id tell nothing of each other', () => {
    const nonceOf = (text: string) => seal(KEY_ID, secrets, 'order-1', text).split(':')[3]?.slice(0, 16)
    const texts = Array.from({ length: 1_000 }, (_, index) => `text ${index}`)
    expect(new Set(texts.map(nonceOf)).size).toBe(texts.length)
  })

  it('opens neither in another place, nor by another key, nor changed', () => {
    const sealed = seal(KEY_ID, secrets, 'order-1', 'Ann')
    const changed = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA')
    expect(unseal(secrets, 'order-2', sealed)).toBeUndefined()
    expect(unseal(secretsOf(randomBytes(32)), 'order-1', sealed)).toBeUndefined()
    expect(unseal(secrets, 'order-1', changed)).toBeUndefined()
    expect(unseal(secrets, 'order-1', 'enc:1:abcdefghijklmnop:short')).toBeUndefined()
  })

  it('names its key', () => {
    const sealed = seal(KEY_ID, secrets, 'order-1', 'Ann')
    expect(keyIdOf(sealed)).toBe(KEY_ID)
    expect(keyIdOf('Ann')).toBeUndefined()
    const other = seal('qrstuvwxyzabcdef', secrets, 'order-1', 'Bob')
    const text = JSON.stringify({
      user: sealed,
      name: sealed,
      note: 'enc:1:enc:1:',
      other,
      half: 'enc:1:abcdefg',
      wide: 'enc:1:äbcdefghijklmnop:',
    })
    for (const one of [text, Buffer.from(text).toString('latin1')])
      expect(keyIdsIn(one)).toEqual([KEY_ID, 'qrstuvwxyzabcdef'])
    expect(keyIdsIn('enc:1:')).toEqual([])
  })
})

describe('a wrapped key', () => {
  const master = Buffer.alloc(32, 'master')
  const key = Buffer.alloc(32, 'key')

  it('opens by the master key that has wrapped it, and by no other', () => {
    expect(unwrap(master, wrap(master, key))).toEqual(key)
    expect(unwrap(Buffer.alloc(32, 'other'), wrap(master, key))).toBeUndefined()
    expect(unwrap(master, 'no key')).toBeUndefined()
  })

  it('is that of RFC 3394, section 4.6', () => {
    const kek = Buffer.from('000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F', 'hex')
    const data = Buffer.from('00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F', 'hex')
    const wrapped = '28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21'
    expect(Buffer.from(wrap(kek, data), 'base64url').toString('hex').toUpperCase()).toBe(wrapped)
  })
})
