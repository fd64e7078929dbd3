// What is gathered of a customer, as the text of one JSON document that grows while it is sent: however much there is, little of it is
// in memory. Whatever ends it too early leaves a text that is no JSON.
import type { Gathered } from '@orders/shared/runtime'

/** The document is an `ExportView`. */
export async function* exported(
  heading: { customerId: string; exportedAt: string },
  gathered: AsyncIterable<Gathered>,
): AsyncGenerator<string> {
  const missing: { service: string; why: string }[] = []
  let between = '\n'
  yield `${JSON.stringify(heading).slice(0, -1)},"records":[`
  for await (const found of gathered) {
    if ('missing' in found) missing.push({ service: found.service, why: found.missing })
    else {
      yield between + JSON.stringify(found)
      between = ',\n'
    }
  }
  yield `\n],"missing":${JSON.stringify(missing)},"isComplete":${missing.length === 0}}\n`
}
