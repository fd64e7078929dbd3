// The page of current rates: how much happens, how much goes wrong, and which service publishes what to which.
import { html } from '/console/packages/preact.js'
import { askIfThere } from '../api.js'
import { Chart } from '../parts/chart.js'
import { Choreography } from '../parts/choreography.js'
import { domain, typeOf } from '../parts/domain.js'
import { usePolled } from '../parts/polling.js'
import { BIN_SECONDS, countIn, useRates } from '../parts/rates.js'
import { Fault } from '../parts/show.js'

const speakers = domain.services.filter((service) => domain.types.some((known) => known.service === service))
const WRONGS = [
  { label: 'out of stock', colour: 'inventory', types: ['inventory.out_of_stock'] },
  { label: 'not paid', colour: 'payment', types: ['payment.failed'] },
  { label: 'not shipped', colour: 'shipping', types: ['shipping.failed'] },
  { label: 'customer not notified', colour: 'bad', types: ['notification.failed', 'notification.undelivered'] },
]
const LATELY_BINS = 60 / BIN_SECONDS

export function Live() {
  const { answer, fault } = useRates()
  const { answer: looked } = usePolled(() => askIfThere('/operations/queues'))
  if (!answer) return html`<h1 tabindex="-1">Live</h1><${Fault} of=${fault} />`
  const { counts, bins, hasMissed } = answer
  const rates = (/** @type {(type: string) => boolean} */ isWanted) =>
    bins.map((bin) => countIn(counts, bin, isWanted) / BIN_SECONDS)
  const times = bins.map((bin) => bin * BIN_SECONDS)
  /** @type {Map<string, number>} */
  const lately = new Map()
  for (const bin of bins.slice(-LATELY_BINS))
    for (const [type, number] of counts.get(bin) ?? []) lately.set(type, (lately.get(type) ?? 0) + number)
  return html`
    <h1 tabindex="-1">Live</h1>
    <${Fault} of=${fault} />
    ${hasMissed && html`<p class="aside">There are more events than this page can count: its numbers are too low.</p>`}
    <div class="charts">
      <${Chart} title="Events per second, by service" times=${times}
        lines=${speakers.map((service) => ({ label: service, colour: service, values: rates((type) => typeOf(type)?.service === service) }))} />
      <${Chart} title="Failures per second" times=${times}
        lines=${WRONGS.map(({ label, colour, types }) => ({ label, colour, values: rates((type) => types.includes(type)) }))} />
    </div>
    <${Choreography} lately=${lately} queues=${looked?.queues ?? []} />
  `
}
