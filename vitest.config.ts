// Nine kinds of tests: those of functions, and of a whole service in the test's own process; those that simulate many runs of
// the whole system; those that need a real broker; those of them that show the same on PostgreSQL; those that break what there is; those
// that need Go too; those that need a model checker; those that need a cluster of three; and those that look at the console in a real
// browser.
import { defineConfig } from 'vitest/config'
import { LongFirst } from './scripts/testing/long-first.ts'

const inContinuousIntegration = Boolean(process.env.CI)
const overBroker = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // None of the modules keeps state, and loading them anew costs each file half a second of processor time.
  isolate: false,
  // These wait for half a minute at times.
  maxWorkers: 4,
  sequence: { groupOrder: 1 },
}

const ON_POSTGRESQL = 'tests/{integration,e2e}/*postgres*.test.ts'

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
          testTimeout: 60_000,
          hookTimeout: 60_000,
          setupFiles: ['shared/http/test/declared-answers.ts'],
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
          testTimeout: 600_000,
          include: ['tests/simulation/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'broker',
          include: ['integration', 'e2e', 'fuzz'].map((level) => `tests/${level}/*.test.ts`),
          exclude: [ON_POSTGRESQL],
          ...overBroker,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: [ON_POSTGRESQL],
          ...overBroker,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['faults', 'chaos'].map((level) => `tests/${level}/*.test.ts`),
          ...overBroker,
          // Each is a whole system under load and a fault on top of it, with limits in time that two processors have to keep.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'proof',
          include: ['tests/proof/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'model',
          // A few thousand runs of the services' decisions, and some hundred thousand states in spin.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          include: ['tests/model/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['tests/cluster/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['tests/browser/*.test.ts'],
          ...overBroker,
        },
      },
    ],
  },
})
