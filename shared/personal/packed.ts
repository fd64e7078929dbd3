// What is encrypted cannot be compressed any more, so a long text is compressed before (raw deflate, RFC 1951).
//
// Promise: two texts never become the same bytes, and what was packed with a dictionary opens with it for as long as it is listed.
import { deflateRawSync, inflateRawSync } from 'node:zlib'

export interface Packing {
  pack(text: string): Buffer
  unpack(bytes: Buffer): string
}

/** The first byte of what is packed, which no other text begins with; the second is the dictionary's place in the list, 0 for none. */
const PACKED = 0
/** A shorter text gains nothing. */
const LONG_CHARS = 64
/** As far as a text of this size refers back, dictionary included: V8 and zlib take less for it than for the default. */
const SIZES = { windowBits: 11, memLevel: 4 }

/** Packs with the last of the dictionaries; a list may only ever be appended to, by at most 255 texts of 2 KiB. */
export function createPacking(dictionaries: readonly string[] = []): Packing {
  const listed = dictionaries.map((text) => Buffer.from(text))
  const head = Buffer.from([PACKED, listed.length])
  const optionsOf = (place: number) => {
    const dictionary = listed[place - 1]
    return dictionary ? { ...SIZES, dictionary } : SIZES
  }
  const packing = optionsOf(listed.length)
  return {
    pack(text) {
      const bytes = Buffer.from(text)
      if (text.length < LONG_CHARS && bytes[0] !== PACKED) return bytes
      return Buffer.concat([head, deflateRawSync(bytes, packing)])
    },
    unpack(bytes) {
      if (bytes[0] !== PACKED) return bytes.toString()
      const place = bytes[1] ?? 0
      if (place > listed.length)
        throw new Error(`a row was packed with dictionary ${place}, which only a later version has: start that one`)
      return inflateRawSync(bytes.subarray(2), optionsOf(place)).toString()
    },
  }
}
