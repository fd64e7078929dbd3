// Several suites run in one go, as `npm run test:rabbitmq4` does: vitest refuses those of one group that want different numbers of workers.
import { expect, it } from 'vitest'
import config from '../../vitest.config.ts'

it('gives all suites of one group the same number of workers', () => {
  const common = config.test?.maxWorkers
  const workersOf = new Map<number, Set<unknown>>()
  for (const project of config.test?.projects ?? []) {
    // The cast is the edge to vitest: ours are all written in place.
    const { maxWorkers = common, sequence } = (project as { test: { maxWorkers?: number; sequence?: object } }).test
    const { groupOrder = 0 } = (sequence ?? {}) as { groupOrder?: number }
    workersOf.set(groupOrder, (workersOf.get(groupOrder) ?? new Set()).add(maxWorkers))
  }
  expect([...workersOf.values()].map(({ size }) => size)).toEqual([1, 1, 1])
})
