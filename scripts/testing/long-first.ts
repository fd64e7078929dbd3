// The order of the test files on a machine that has not run them yet: what is left to the end must be short, since it runs alone.
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those that wait for half a minute and more: for claims to end, gateways to come back, nodes to start. */
export const LONG = [
  'chaos/short-run',
  'faults/when-a-service-is-killed',
  'faults/when-the-broker-goes-away',
  'faults/when-a-provider-leaves-us-waiting',
  'e2e/every-kind-of-order',
  'faults/when-postgresql-goes-away',
  'faults/when-one-of-two-copies-dies',
  'faults/when-the-database-cannot-be-written',
  'simulation/seeds.',
]

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.includes(`/tests/${name}`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}
