// Encrypts who the customers of earlier orders are, in the background and little by little: those who order now come first.
import { setTimeout as delay } from 'node:timers/promises'
import { asError, type Wiring } from '@orders/shared/runtime'
import { keylessAmong, plainAfter, sealAll } from './store.ts'

const BATCH = 50
/** After each batch. */
const PAUSE_MS = 20
const AGAIN_AFTER_MS = 60_000

type Parts = Pick<Wiring<object>, 'database' | 'openKey' | 'log'>

/** Begins at once and ends when all is done; the caller closes it. What fails is tried again. */
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
    // Together, so that they share a group.
    await Promise.all(keyless.map(openKey))
    await sealAll(database, all)
    count += all.length
    after = last.orderId
  }
  return count
}
