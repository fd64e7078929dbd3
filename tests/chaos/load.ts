// The load: places the seed's orders at a steady pace, repeats what got no answer, and remembers every answer. What it
// was answered is the ground truth that the oracle holds the system to.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Asked } from './oracle/snapshot.ts'
import {
  atAnyPrice,
  type FollowUp,
  type OrderForm,
  orderNumber,
  type PlannedOrder,
  REPRICED,
  repriceNumber,
  restockNumber,
} from './orders.ts'

interface LoadOptions {
  seed: number
  rate: number
  /** How long new orders are placed. */
  forMs: number
  /** The address of any copy of a service; another one at each call, if there are several. */
  urlOf(service: 'order' | 'inventory'): string
  /** False while a process of the last release runs, which knows no agreed price. */
  knowsPrices(): boolean
  /** Whether some payments are never answered by their provider. */
  silentGateway: boolean
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
const REPRICE_EVERY = 10
/** By then every attempt at a silent gateway is over before the load is. */
const PATIENCE_MS = 30_000
/** Optional requests, such as a confirmation, are not repeated for ever. */
const TRIES_MAX = 8

export function startLoad({ seed, rate, forMs, urlOf, knowsPrices, silentGateway }: LoadOptions): Load {
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
      const etag = answer.headers.get('etag')
      return { status: answer.status, etag, body: (await answer.json()) as Answer['body'] }
    } catch {
      // No answer: killed, frozen, or not there. The request may have been served all the same.
      return { status: 0, etag: null, body: {} }
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

  /** Whoever is told of another price agrees to it. `before` is what was asked for at the price before. */
  async function place(planned: PlannedOrder, before?: OrderForm): Promise<void> {
    const { form, key, followUps } = planned
    const { status, body } = await insist(() => placing(form, key))
    const { code, totalCents } = body
    if (code === 'price_changed' && totalCents !== undefined)
      return place({ ...planned, form: { ...form, expectedTotalCents: totalCents } }, form)
    // A request that was given up was served all the same, at the price before.
    if (before && (code === 'order_exists' || code === 'idempotency_key_reused'))
      return place({ ...planned, form: before })
    const orderId = body.orderId ?? form.orderId ?? ''
    const { items: lines, paymentMethod: method, expectedTotalCents } = form
    asked.push({ action: 'place', orderId, status, lines, code, method, expectedTotalCents })
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
    const { status, body } = await insist(() => send('POST', url, adjustment, { 'idempotency-key': key }), TRIES_MAX)
    asked.push({ action: 'restock', orderId: sku, status, code: body.code, available })
  }

  async function reprice(number: number): Promise<void> {
    const url = `${urlOf('inventory')}/stock/${REPRICED.sku}`
    const wanted = { unitPriceCents: repriceNumber(number) }
    const { status } = await insist(async () => {
      const { status: seen, etag, body } = await send('GET', url)
      if (seen !== 200 || etag === null) return { status: seen, etag, body }
      return send('PUT', url, { ...wanted, available: body.available }, { 'if-match': etag })
    }, TRIES_MAX)
    asked.push({ action: 'reprice', orderId: REPRICED.sku, status })
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
      const planned = orderNumber(number, { seed, patient: silentGateway && dueMs < forMs - PATIENCE_MS })
      begin(place(knowsPrices() ? planned : { ...planned, form: atAnyPrice(planned.form) }))
      if (number % RESTOCK_EVERY === RESTOCK_EVERY - 1) begin(restock(number))
      if (number % REPRICE_EVERY === 0 && knowsPrices()) begin(reprice(number / REPRICE_EVERY))
    }
    while (underWay.size > 0) await Promise.all(underWay)
  }

  return { asked, accepted, finished: run(), stop: () => stopped.abort(), abandon: () => abandoned.abort() }
}

interface Answer {
  /** 0 when there was none. */
  status: number
  etag: string | null
  body: { orderId?: string; code?: string; totalCents?: number; available?: number }
}
