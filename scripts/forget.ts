// `npm run forget -- CUSTOMER`: asks order-service to have a customer forgotten, and shows which services have done so until all have.
import { setTimeout as delay } from 'node:timers/promises'
import { asError } from '@orders/shared/runtime'
import { askAbout } from './customers/order-service.ts'

const USAGE = `npm run forget -- CUSTOMER

CUSTOMER is a pseudonym (cus_…), or the user name in the shop. You cannot undo this.
Set PORT_BASE or PORT, HOST and OPERATOR_TOKENS as for order-service.`
const LOOK_EVERY_MS = 500

interface Progress {
  customerId: string
  done: string[]
  waitsFor: string[]
  completedAt: string | null
}

const [customer, ...others] = process.argv.slice(2)
if (customer === undefined || others.length > 0 || customer.startsWith('-')) {
  process.stderr.write(`${USAGE}\n`)
  process.exit(2)
}

try {
  await forget(customer)
} catch (error) {
  process.stderr.write(`${asError(error).message}\n`)
  process.exitCode = 1
}

async function forget(id: string): Promise<void> {
  const told = new Set<string>()
  let progress = await ask('POST', id)
  process.stdout.write(`forgetting ${progress.customerId}:\n`)
  for (; ; progress = await ask('GET', id)) {
    for (const service of progress.done.filter((one) => !told.has(one)))
      process.stdout.write(`  ${service} has forgotten\n`)
    for (const service of progress.done) told.add(service)
    if (progress.completedAt !== null) break
    await delay(LOOK_EVERY_MS)
  }
  process.stdout.write(`forgotten at ${progress.completedAt}; the receipt is in the audit log\n`)
}

async function ask(method: 'GET' | 'POST', id: string): Promise<Progress> {
  // The cast is the decoding edge: what order-service answers is written in its `forgetting/http.ts`.
  return (await (await askAbout(id, 'forget', method)).json()) as Progress
}
