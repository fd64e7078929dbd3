// Publishing for a caller that can do nothing but go on: a dead copy, whose delivery is acked once its queue has it.
import { asError, errorCode } from '../runtime/errors.ts'
import type { Broker, Publication } from './broker.ts'

const PAUSE_MS = 1_000
const PAUSE_MAX_MS = 30_000

/**
 * Resolves when every queue has it. While it is refused, it is offered ever more rarely.
 *
 * @throws what `publish` throws otherwise
 */
export async function publishUntilTaken(broker: Pick<Broker, 'publish'>, publication: Publication): Promise<void> {
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    const failure = await broker.publish(publication).catch(asError)
    if (!failure) return
    if (errorCode(failure) !== 'refused') throw failure
    // A service that stops does not wait for it: unacked, the delivery comes back.
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
  }
}
