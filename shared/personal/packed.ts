// Compresses long texts before they are encrypted, since encrypted data cannot be compressed (raw deflate, RFC 1951).
//
// Promise: two texts never give the same bytes. A text packed with a dictionary can be unpacked for as long as the dictionary
// is listed.
import { deflateRawSync, inflateRawSync } from 'node:zlib'

export interface Packing {
  pack(text: string): Buffer
  unpack(bytes: Buffer): string
}

/**
 * First byte of a packed text; no other text begins with it. The second byte is the dictionary's position in the list, 0 for
 * none.
 */
const PACKED = 0
/** A shorter text gains nothing. */
const LONG_CHARS = 64
/** Covers a text of this size with its dictionary. V8 and zlib need less memory for it than for the default. */
const SIZES = { windowBits: 11, memLevel: 4 }

/** Packs with the last dictionary. The list may only be appended to: at most 255 texts of 2 KiB. */
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
