// Reads the audit log page by page and decodes its events.
import type { Received } from '../contracts/definition/contract.ts'
import type { History } from '../contracts/definition/log.ts'
import { MissingKeyError, type Personal } from '../messaging/index.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface Told {
  event: Received
  /** The event as a delivery, as far as the log stores it. */
  delivery: ReturnType<typeof deliveryOf>
}

interface Page {
  bodies: string[]
  keys: History['keys']
}

/** Yields pages of whole subjects. The last subject of an answer may continue in the next, so it is held back. */
export async function* pagesOf(read: (after: NonNullable<History['next']>) => Promise<History>): AsyncGenerator<Page> {
  let begun: History['events'] = []
  for (let after: History['next'] = { subject: 0, sequence: 0 }; after; ) {
    const { events, keys, next }: History = await read(after)
    const all = [...begun, ...events]
    begun = all.filter(({ subject }) => subject === next?.subject)
    yield { keys, bodies: all.filter(({ subject }) => subject !== next?.subject).map(({ body }) => body) }
    after = next
  }
}

/**
 * Decodes events and sorts them by time. One that this version cannot read is left out and logged.
 *
 * @throws BrokenError `keys_missing` when an encrypted event cannot be decrypted here
 */
export async function toldBy(bodies: readonly string[], open: Personal['open'], log: Log): Promise<Told[]> {
  const told: Told[] = []
  for (const body of bodies) {
    const delivery = deliveryOf(body)
    try {
      told.push({ event: await open(delivery), delivery })
    } catch (thrown) {
      if (thrown instanceof MissingKeyError)
        throw new BrokenError(
          'keys_missing',
          `${thrown.message}: put the service’s keys back first, see docs/forgetting.md`,
        )
      const { messageId } = delivery.properties
      log.warn({ messageId, err: asError(thrown) }, 'an event that this version cannot read is left out')
    }
  }
  return told.sort((one, other) => Date.parse(one.event.time) - Date.parse(other.event.time))
}

function deliveryOf(body: string) {
  // Decoding edge: it was a valid event when it was stored.
  const { id, type, subject } = JSON.parse(body) as Pick<Received, 'id' | 'type' | 'subject'>
  const properties = { messageId: id, type, correlationId: subject, headers: { attempt: 1 } }
  return { body: Buffer.from(body), properties, exchange: '', routingKey: type, redelivered: true }
}
