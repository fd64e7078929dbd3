// The load: places the seed's orders at a steady pace, repeats what got no answer, and remembers every answer. What it
// was answered is the ground truth that the oracle holds the system to.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Asked } from './oracle/snapshot.ts'
import { type FollowUp, type OrderForm, orderNumber, type PlannedOrder, restockNumber } from './orders.ts'

interface LoadOptions {
  seed: number
  rate: number
  /** How long new orders are placed. */
  forMs: number
  /** The address of any copy of a service; another one at each call, if there are several. */
  urlOf(service: 'order' | 'inventory'): string
}

export interface Load {
  /** Each answer to each request, in the order in which they came. */
  asked: Asked[]
  /** Orders that were answered 202. */
  accepted: Set<string>
  /** Resolves when every order that was begun is answered for good, however long that takes. */
  finished: Promise<void>
  /** Places nothing new. */
  stop(): void
  /** Gives up on what is not answered yet. */
  abandon(): void
}

const IN_FLIGHT_MAX = 48
const ANSWER_WITHIN_MS = 6_000
const RESTOCK_EVERY = 15
/** By then every attempt at a silent gateway is over before the load is. */
const PATIENCE_MS = 30_000
/** Optional requests, such as a confirmation, are not repeated for ever. */
const TRIES_MAX = 8

export function startLoad({ seed, rate, forMs, urlOf }: LoadOptions): Load {
  const asked: Asked[] = []
  const accepted = new Set<string>()
  const underWay = new Set<Promise<void>>()
  const stopped = new AbortController()
  const abandoned = new AbortController()
  setMaxListeners(0, stopped.signal, abandoned.signal)
  const pause = (ms: number) => delay(ms, undefined, { signal: abandoned.signal }).catch(() => undefined)

  async function send(
    method: string,
    url: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_WITHIN_MS), abandoned.signal])
    const contentType: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const init = { method, headers: { ...headers, ...contentType }, signal }
    try {
      const answer = await fetch(url, { ...init, ...(body && { body: JSON.stringify(body) }) })
      return { status: answer.status, body: (await answer.json()) as Answer['body'] }
    } catch {
      // No answer: killed, frozen, or not there. The request may have been served all the same.
      return { status: 0, body: {} }
    }
  }

  /** Repeats until there is an answer that is not the service's trouble; 0 when there never was one. */
  async function insist(ask: () => Promise<Answer>, triesMax = Number.POSITIVE_INFINITY): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const answer = await ask()
      const isFinal = answer.status >= 200 && answer.status < 500
      if (isFinal || tries >= triesMax || abandoned.signal.aborted) return answer
      await pause(Math.min(1_000, 50 * 2 ** tries))
    }
  }

  const placing = (form: OrderForm, key: string | undefined) =>
    send('POST', `${urlOf('order')}/orders`, form, key === undefined ? {} : { 'idempotency-key': key })

  async function place({ form, key, followUps }: PlannedOrder): Promise<void> {
    const { status, body } = await insist(() => placing(form, key))
    const orderId = body.orderId ?? form.orderId ?? ''
    asked.push({ action: 'place', orderId, status, lines: form.items, code: body.code, method: form.paymentMethod })
    if (status !== 202) return
    accepted.add(orderId)
    await Promise.all(followUps.map((followUp) => follow(orderId, { form, key }, followUp)))
  }

  async function follow(
    orderId: string,
    { form, key }: { form: OrderForm; key: string | undefined },
    { action, afterMs }: FollowUp,
  ): Promise<void> {
    await pause(afterMs)
    const path = { cancel: 'cancel', confirm: 'payment/confirm' }
    const { status, body } =
      action === 'cancel' || action === 'confirm'
        ? await insist(() => send('POST', `${urlOf('order')}/orders/${orderId}/${path[action]}`), TRIES_MAX)
        : await insist(() =>
            placing(action === 'repeat' ? form : { ...form, shippingAddress: 'Another street 1' }, key),
          )
    asked.push({ action, orderId, status, answeredId: body.orderId, hadKey: key !== undefined, code: body.code })
  }

  async function restock(number: number): Promise<void> {
    const { sku, available } = restockNumber(number, seed)
    const url = `${urlOf('inventory')}/stock/${sku}/adjustments`
    const [adjustment, key] = [{ difference: available, reason: 'restocked' }, `restock-${seed}-${number}`]
    const { status } = await insist(() => send('POST', url, adjustment, { 'idempotency-key': key }), TRIES_MAX)
    asked.push({ action: 'restock', orderId: sku, status, available })
  }

  function begin(work: Promise<void>): void {
    const done = work.finally(() => underWay.delete(done))
    underWay.add(done)
  }

  async function run(): Promise<void> {
    const startedAt = performance.now()
    for (let number = 0; !stopped.signal.aborted; number++) {
      const dueMs = (number * 1_000) / rate
      if (dueMs > forMs || performance.now() - startedAt > forMs) break
      await delay(Math.max(0, dueMs - (performance.now() - startedAt)), undefined, { signal: stopped.signal }).catch(
        () => undefined,
      )
      // Closed: a system that answers slowly is asked slowly.
      while (underWay.size >= IN_FLIGHT_MAX) await Promise.race(underWay)
      begin(place(orderNumber(number, { seed, patient: dueMs < forMs - PATIENCE_MS })))
      if (number % RESTOCK_EVERY === RESTOCK_EVERY - 1) begin(restock(number))
    }
    while (underWay.size > 0) await Promise.all(underWay)
  }

  return { asked, accepted, finished: run(), stop: () => stopped.abort(), abandon: () => abandoned.abort() }
}

interface Answer {
  /** 0 when there was none. */
  status: number
  body: { orderId?: string; code?: string }
}
