// How long it takes until every service has forgotten ten thousand customers, who are asked for one by one and at once, as a shop does
// that has kept them for long enough, while others order.
import { setTimeout as delay } from 'node:timers/promises'
import { openLoad } from './load.ts'
import { placeOverHttp } from './place.ts'
import { type Figure, number } from './report.ts'
import { type Site, type Stage, withSystem } from './stage.ts'

const CUSTOMERS = 10_000
const IN_FLIGHT = 200
/** Of those who order meanwhile, for a minute. */
const OTHERS_IN_FLIGHT = 8
const MINUTE = 60
/** Requests under way at one time. */
const CONNECTIONS = 32
const LOOK_EVERY_MS = 20

export function measureForgotten(all: Stage): Promise<Figure[]> {
  const stage = { ...all, settings: { ...all.settings, copies: 1 } }
  return withSystem(stage, {}, async (site) => {
    stage.say(`placing an order of each of ${CUSTOMERS} customers …`)
    await placeOfEach(site)
    const others = await openLoad({
      amqpUrl: site.amqpUrl,
      place: placeOverHttp(site, ofSomebodyElse),
      prefix: 'others',
    })
    const ordering = others.run({ inFlight: OTHERS_IN_FLIGHT, seconds: MINUTE })
    const startedAt = performance.now()
    const askedMs = await eachOf(async (customer) => {
      await asked(site, customer, 'POST')
    }).then(() => performance.now() - startedAt)
    await eachOf(async (customer) => {
      while ((await asked(site, customer, 'GET')).completedAt === null) await delay(LOOK_EVERY_MS)
    })
    const seconds = (performance.now() - startedAt) / 1_000
    const { completedPerSecond } = await ordering
    await others.close()
    stage.say(`asked for within ${number(askedMs / 1_000)} s, forgotten by all services after ${number(seconds)} s`)
    stage.say(`others completed ${number(completedPerSecond)} orders a second in the minute from its begin`)
    return [{ name: `${CUSTOMERS} customers are forgotten while others order`, unit: 's', ours: seconds }]
  })
}

async function placeOfEach(site: Site): Promise<void> {
  const form = (orderId: string, index: number) => ({
    orderId,
    user: `customer-${index % CUSTOMERS}`,
    items: ['item1'],
  })
  const load = await openLoad({ amqpUrl: site.amqpUrl, place: placeOverHttp(site, form), prefix: 'forgotten' })
  try {
    await load.run({ inFlight: IN_FLIGHT, orders: CUSTOMERS })
  } finally {
    await load.close()
  }
}

const ofSomebodyElse = (orderId: string, index: number) => ({ orderId, user: `somebody-${index}`, items: ['item1'] })

async function eachOf(work: (customer: string) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < CUSTOMERS) await work(`customer-${next++}`)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
}

async function asked({ system }: Site, customer: string, method: 'GET' | 'POST'): Promise<{ completedAt: unknown }> {
  const answer = await fetch(`${system.url('order')}/customers/${customer}/forget`, { method })
  if (!answer.ok) throw new Error(`${method} of ${customer} answered ${answer.status}: ${await answer.text()}`)
  // The cast is the decoding edge: what order-service answers is written in its `forgetting/http.ts`.
  return (await answer.json()) as { completedAt: unknown }
}
