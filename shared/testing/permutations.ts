// All orders of arrival, to test domains that must not depend on the order.

/** Every order of `items`: n! of them. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, at) =>
    permutations([...items.slice(0, at), ...items.slice(at + 1)]).map((rest) => [item, ...rest]),
  )
}

/** Every sequence over `items` of at most `lengthMax`, repeats included. */
export function sequences<T>(items: readonly T[], lengthMax: number): T[][] {
  if (lengthMax === 0) return [[]]
  const shorter = sequences(items, lengthMax - 1)
  const longest = shorter.filter(({ length }) => length === lengthMax - 1)
  return [...shorter, ...longest.flatMap((sequence) => items.map((item) => [...sequence, item]))]
}
