// Encrypts the personal data of orders stored before encryption was switched on, in the background. It pauses between batches
// so that new orders do not wait.
import { setTimeout as delay } from 'node:timers/promises'
import { asError, type Wiring } from '@orders/shared/runtime'
import { keylessAmong, plainAfter, sealAll } from './store.ts'

const BATCH = 50
/** The pause after each batch. */
const PAUSE_MS = 20
const AGAIN_AFTER_MS = 60_000

type Parts = Pick<Wiring<object>, 'database' | 'openKey' | 'log'>

/** Starts at once and ends when everything is encrypted. After an error it tries again. The caller closes it. */
export function sealEarlier(parts: Parts) {
  const closing = new AbortController()
  const pause = (ms: number) => delay(ms, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)

  async function sealing(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const sealed = await sealNext(
          parts,
          () => closing.signal.aborted,
          () => pause(PAUSE_MS),
        )
        if (sealed > 0) parts.log.info({ orders: sealed }, 'the customers of earlier orders are encrypted now')
        return
      } catch (thrown) {
        parts.log.warn({ err: asError(thrown) }, 'the customers of earlier orders cannot be encrypted now')
        await pause(AGAIN_AFTER_MS)
      }
    }
  }

  const done = sealing()
  return {
    done,
    async close(): Promise<void> {
      closing.abort()
      await done
    },
  }
}

async function sealNext({ database, openKey }: Parts, isOver: () => boolean, pause: () => Promise<void>) {
  let count = 0
  for (let after = ''; !isOver(); await pause()) {
    const all = await plainAfter(database, after, BATCH)
    const last = all.at(-1)
    if (!last) return count
    const keyless = await keylessAmong(database, [...new Set(all.map(({ customerId }) => customerId))])
    // In parallel, so that they share one group commit.
    await Promise.all(keyless.map(openKey))
    await sealAll(database, all)
    count += all.length
    after = last.orderId
  }
  return count
}
