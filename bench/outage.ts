// What it costs the other services that many charges wait for a payment provider which is away, beside the same time without them; and how
// long it takes until all are handled once it is back.
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@orders/shared/testing'
import { serviceNames } from '../tests/support/system.ts'
import { sum } from './numbers.ts'
import { placeOverHttp } from './place.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { spentBy } from './spent.ts'
import { type Site, type Stage, withSystem } from './stage.ts'

const CHARGES = 20_000
/** Requests under way at one time. */
const CONNECTIONS = 32
const WINDOW_MS = 60_000
const OTHERS = serviceNames.filter((service) => service !== 'payment')

export function measureOutage(all: Stage): Promise<Figure[]> {
  const stage = { ...all, settings: { ...all.settings, copies: 1 } }
  const { say, settings } = stage
  const outageMs = settings.outage * 1_000
  // Nothing is given up meanwhile.
  const patience = { PAYMENT_PATIENCE_MS: String(2 * outageMs + WINDOW_MS) }
  const measured = async (site: Site) => {
    const without = await spentByOthers(site)
    const down = `${site.system.dataDir}/payment-gateway.db.down`
    await writeFile(down, '')
    const endsAt = performance.now() + outageMs
    say(`the payment provider is away for ${settings.outage} s, and ${CHARGES} orders are placed …`)
    await placeAll(site)
    await eventually('all charges wait', async () => (await waiting(site)) === CHARGES, outageMs)
    await delay(Math.max(0, endsAt - performance.now() - WINDOW_MS))
    const beside = await spentByOthers(site)
    await rm(down)
    const backAt = performance.now()
    await eventually('all charges are handled', async () => (await waiting(site)) === 0, outageMs)
    const seconds = (performance.now() - backAt) / 1_000
    say(`handled ${number(seconds)} s after it was back`)
    for (const [index, service] of OTHERS.entries())
      say(`${service}: ${number(beside[index] ?? 0)} ms a minute, ${number(without[index] ?? 0)} without`)
    const name = `the other services’ CPU in a minute while ${CHARGES} charges wait`
    return [
      sideBySide(name, 'ms', 'none waits', [{ ours: sum(beside), beside: sum(without) }]),
      { name: `${CHARGES} charges are handled after ${settings.outage} s`, unit: 's', ours: seconds },
    ]
  }
  return withSink(({ url }) => withSystem(stage, { environment: { ...patience, SMTP_URL: url } }, measured))
}

/** By service, milliseconds of processor in a minute in which nobody asks anything. */
async function spentByOthers(site: Site): Promise<number[]> {
  const before = await spentBy(site)
  await delay(WINDOW_MS)
  const after = await spentBy(site)
  return OTHERS.map((service) => after[service].cpuMs - before[service].cpuMs)
}

async function placeAll(site: Site): Promise<void> {
  const place = placeOverHttp(site)
  let next = 0
  const worker = async () => {
    for (let one = next++; one < CHARGES; one = next++) await place(`outage-${one}`, one)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
}

async function waiting({ system }: Site): Promise<number> {
  const metrics = await (await fetch(`${system.url('payment')}/metrics`)).text()
  const counts = [...metrics.matchAll(/^retries_waiting(?:\{[^}]*\})? (\d+)/gm)].map(([, value]) => Number(value))
  return counts.reduce((sum, one) => sum + one, 0)
}
