// Seeded random numbers: the same seed gives the same numbers, and each use has its own stream.

export interface Random {
  /** At least 0, less than 1. */
  next(): number
  chance(probability: number): boolean
  /** An integer, both ends included. */
  between(low: number, high: number): number
  /** A waiting time: mostly short, sometimes several times the mean. */
  wait(meanMs: number): number
  pick<T>(items: readonly [T, ...T[]]): T
}

export function createRandom(seed: number, stream: string): Random {
  let a = seed >>> 0
  let b = hashOf(stream)
  let c = 0x9e3779b9
  let counter = 1

  /** sfc32, from PractRand: small, fast, and good enough here. */
  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 4_294_967_296
  }

  for (let warm = 0; warm < 12; warm++) next()
  return {
    next,
    chance: (probability) => next() < probability,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    wait: (meanMs) => -Math.log(1 - next()) * meanMs,
    pick: (items) => items[Math.floor(next() * items.length)] ?? items[0],
  }
}

/** FNV-1a. */
export function hashOf(text: string | Uint8Array, hash = 0x811c9dc5): number {
  let mixed = hash
  if (typeof text === 'string')
    for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193)
  else for (const byte of text) mixed = Math.imul(mixed ^ byte, 0x01000193)
  return mixed >>> 0
}
