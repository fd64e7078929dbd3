// npm run check: what can be known in seconds and without a broker: types, lint, format, unit tests.
import { interruption } from './processes/interruption.ts'
import { consoleTypesStep, runQuietly, type Step, styleStep, typesStep } from './testing/steps.ts'

/**
 * What takes more than a moment is left to npm test: whole services, processes and what a copy of the tree tells; stores and kernels over
 * real databases; every order of arrival; every template, the whole of AsyncAPI and OpenAPI, the packed kernel.
 */
const LEFT_TO_NPM_TEST = [
  '**/test/component/*.test.ts',
  '**/test/permutations.test.ts',
  'shared/{commit,handling,http,storage,testing}/test/*.test.ts',
  'scripts/{backup,processes,services,verify}/test/*.test.ts',
  'order-service/test/{domain,orders,refunds}.test.ts',
  'payment-service/test/{handlers,refunds}.test.ts',
  'audit-service/test/{failed,log,operations,overdue,story}.test.ts',
  'audit-service/test/proof/*.test.ts',
  'notification-service/test/{bounces,checked-templates,deliveries,group,holding,mail-programs,pace,store,templates,webhook}.test.ts',
  'tests/contracts/{asyncapi,kernel-package,openapi,operations,rehearsal,runbook,schemas}.test.ts',
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
