// npm run check: what can be known in seconds and without a broker: types, lint, format, unit tests.
import { interruption } from './processes/interruption.ts'
import { consoleTypesStep, runQuietly, type Step, styleStep, typesStep } from './testing/steps.ts'

/**
 * Component tests (of a whole service, of processes, of sizes on disk) and tests of the means of tests; and what takes seconds by
 * itself: every template rendered, the whole schema of AsyncAPI compiled. That this document is what the code says is checked here too.
 */
const LEFT_TO_NPM_TEST = [
  '**/test/component/*.test.ts',
  'shared/testing/test/*.test.ts',
  'notification-service/test/templates.test.ts',
  'notification-service/test/mail-programs.test.ts',
  'tests/contracts/asyncapi.test.ts',
]
const unitStep: Step = {
  name: 'unit tests',
  program: 'vitest',
  args: ['run', '--project', 'unit', '--reporter=dot', ...LEFT_TO_NPM_TEST.flatMap((tests) => ['--exclude', tests])],
}

const interrupted = interruption()
const startedAt = Date.now()
const results = await Promise.all(
  [typesStep, consoleTypesStep, styleStep, unitStep].map((step) => runQuietly(step, interrupted)),
)
const failed = results.filter((step) => !step.passed)
for (const { name, output } of failed) console.log(`--- ${name} ---\n${output}`)
for (const { name, passed } of results) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`)
console.log(`${((Date.now() - startedAt) / 1000).toFixed(1)} s`)
process.exit(failed.length === 0 ? 0 : 1)
