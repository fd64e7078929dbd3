// Four kinds of tests: those of functions, and of a whole service in the test's own process; those that simulate many runs of
// the whole system; those that need a real broker; and those that need a cluster of three.
import { defineConfig } from 'vitest/config'
import { LongFirst } from './scripts/testing/long-first.ts'

const inContinuousIntegration = Boolean(process.env.CI)

export default defineConfig({
  test: {
    // What a test keeps beside it is written by `-u` alone: a missing file is a failure here, too.
    update: 'none',
    // A forgotten `only` would turn a whole suite green.
    allowOnly: !inContinuousIntegration,
    // What was transformed once stays so until its text changes: a quarter of the time of the unit tests.
    experimental: { fsModuleCache: true },
    // More than a small machine has processors, since most tests wait for somebody some of the time.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Loading the same modules anew for every file takes longer than the tests; none of them keeps state.
          pool: 'threads',
          isolate: false,
          // A hang is told all the same; a machine that has other things to do is no fault.
          testTimeout: 30_000,
          include: [
            'shared/**/*.test.ts',
            'scripts/**/*.test.ts',
            '*-service/test/**/*.test.ts',
            'tests/contracts/**/*.test.ts',
            'tests/architecture/**/*.test.ts',
            'tests/chaos/test/**/*.test.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          // Its runs seize the timers of their thread; in a process of their own they are nobody else's.
          pool: 'forks',
          testTimeout: 180_000,
          include: ['tests/simulation/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'broker',
          include: ['integration', 'faults', 'e2e', 'fuzz', 'chaos'].map((level) => `tests/${level}/*.test.ts`),
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // None of the modules keeps state, and loading them anew costs each file half a second of processor time.
          isolate: false,
          // These wait for half a minute at times.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['tests/cluster/*.test.ts'],
        },
      },
    ],
  },
})
