// Streams everything that the services hold about a customer as one JSON document, so that little of it is in memory at a time.
// If the stream ends early, the text is not valid JSON.
import type { Gathered } from '@orders/shared/runtime'

/** Yields the text of an `ExportView`. */
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
