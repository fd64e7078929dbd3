// Publishes for a caller that cannot store the message elsewhere: a dead letter, whose delivery is acked after the confirm.
import { asError, errorCode } from '../runtime/errors.ts'
import type { Broker, Publication } from './broker.ts'

const PAUSE_MS = 1_000
const PAUSE_MAX_MS = 30_000

/**
 * Resolves when every queue has accepted the message. While it is refused, it is offered again after longer and longer pauses.
 *
 * @throws what else `publish` throws
 */
export async function publishUntilTaken(broker: Pick<Broker, 'publish'>, publication: Publication): Promise<void> {
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    const failure = await broker.publish(publication).catch(asError)
    if (!failure) return
    if (errorCode(failure) !== 'refused') throw failure
    // A stopping service does not wait for this timer. Its delivery is not acked, so it is delivered again.
    await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
  }
}
