// A Vitest reporter that sends the counts of the run to the process that started it, for its last line.
import type { Reporter, TestModule } from 'vitest/node'

export interface Tally {
  passed: number
  failed: number
  skipped: number
}

/** Used by its path: --reporter=./scripts/testing/tally-reporter.ts */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state).length
    const tally: Tally = {
      passed: inState('passed'),
      // A file that cannot be loaded has no tests to fail, and an error outside of any test belongs to none.
      failed: inState('failed') + modules.filter(failedByItself).length + unhandledErrors.length,
      skipped: inState('skipped'),
    }
    process.send?.({ tally })
  }
}

function failedByItself(module: TestModule): boolean {
  return module.state() === 'failed' && [...module.children.allTests('failed')].length === 0
}

/** Reads what the reporter sent; undefined for any other message. */
export function tallyOf(message: unknown): Tally | undefined {
  if (typeof message !== 'object' || message === null || !('tally' in message)) return undefined
  const { tally } = message
  const isTally =
    typeof tally === 'object' && tally !== null && 'passed' in tally && 'failed' in tally && 'skipped' in tally
  return isTally
    ? { passed: Number(tally.passed), failed: Number(tally.failed), skipped: Number(tally.skipped) }
    : undefined
}
