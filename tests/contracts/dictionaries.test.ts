// What is stored was packed with these: one that changed would make it unreadable.
import { createHash } from 'node:crypto'
import { dictionaries } from '@orders/shared/contracts'
import { expect, it } from 'vitest'

it('changes no dictionary, and has none that is longer than what is looked back', () => {
  // A further one is appended here, too.
  expect(dictionaries.map((text) => createHash('sha256').update(text).digest('hex'))).toEqual([
    '3f9f6669df572eec910dbc8c7f82d4cf009fab0d65fcc10c291069b1f79ee29e',
  ])
  for (const text of dictionaries) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2_048)
})
