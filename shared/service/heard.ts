// Checks that a service's handlers hear exactly what its domain declares.
import type { Domain } from '../contracts/definition/domain.ts'
import { BrokenError } from '../runtime/errors.ts'

/** @throws BrokenError `heard_out_of_date` when the domain's bindings differ from what the handlers hear */
export function checkHeard({ heard }: Domain, own: Record<string, string[]>): void {
  const wrong = Object.entries(own).filter(([queue, patterns]) => String(heard[queue]) !== String(patterns))
  if (wrong.length === 0) return
  const queues = wrong.map(([queue]) => queue).join(', ')
  throw new BrokenError(
    'heard_out_of_date',
    `the bindings of ${queues} differ from what its handlers consume: run npm run generate`,
  )
}
