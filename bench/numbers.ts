// What is made of many measurements.

/** Of values in ascending order. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The middle one: a round in which the machine had something else to do counts for no more than any other. */
export function median(values: readonly number[]): number {
  return percentile(ascending(values), 0.5)
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}

export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
