// A picture of which service publishes what to which, drawn from the queues' bindings, with the counts of the last minute and
// the queues that back up.
import { html } from '/console/packages/preact.js'
import { count, counted, serviceOf } from '../words.js'
import { domain } from './domain.js'
import { oldestIn, rateIn } from './queues.js'
import { Scrolling } from './show.js'

const BOX = { width: 132, height: 46 }
const ROW_Y = 150
const WIDTH = 920
/** The services that decide stand in one row, in the order of their ports. Those that only consume stand below. */
const listeners = new Set(['notification', 'audit'])
const listed = domain.services.filter((service) => !listeners.has(service))
const places = new Map(
  domain.services.map((service) => {
    const row = domain.services.filter((one) => listeners.has(one) === listeners.has(service))
    const x = (WIDTH / row.length) * (row.indexOf(service) + 0.5)
    return [service, { x, y: listeners.has(service) ? 330 : ROW_Y }]
  }),
)

/** @typedef {{ from: string, to: string, types: string[] }} Arrow */
const arrows = domain.types.reduce(
  (all, { type, service, heardBy }) => {
    for (const to of heardBy.filter((hearer) => hearer !== service)) {
      const known = all.find((arrow) => arrow.from === service && arrow.to === to)
      if (known) known.types.push(type)
      else all.push({ from: service, to, types: [type] })
    }
    return all
  },
  /** @type {Arrow[]} */ ([]),
)

/** @typedef {import('./queues.js').LookedQueue} LookedQueue */

/**
 * `lately`: the number of events in the last minute, by type.
 * @param {{ lately: Map<string, number>, queues: LookedQueue[] }} props
 */
export function Choreography({ lately, queues }) {
  const backlogs = queues.filter(({ backsUp }) => backsUp !== null)
  const times = (/** @type {string[]} */ types) => types.reduce((sum, type) => sum + (lately.get(type) ?? 0), 0)
  const all = [...lately.values()].reduce((sum, value) => sum + value, 0)
  const most = Math.max(1, ...arrows.map(({ types }) => times(types)))
  return html`<section aria-labelledby="choreography-title" class="choreography">
    <h2 id="choreography-title">Who says what to whom</h2>
    <p class="aside">Each arrow stands for events on a RabbitMQ exchange; its number counts those of the last minute. audit hears all events: ${count(all)}.</p>
    ${backlogs.map((one) => html`<p class="backlog" key=${one.queue}>${backlogIn(one)}</p>`)}
    <${Scrolling} label="Picture of who says what to whom">
    <svg viewBox=${`0 50 ${WIDTH} 320`} aria-hidden="true">
      <defs>
        <marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
          <path d="M0 0 10 5 0 10z" />
        </marker>
      </defs>
      ${arrows.map((arrow) => html`<${ArrowLine} key=${`${arrow.from} ${arrow.to}`} arrow=${arrow} times=${times(arrow.types)} most=${most} />`)}
      ${arrows.map((arrow) => html`<${ArrowNumber} key=${`${arrow.from} ${arrow.to} number`} arrow=${arrow} times=${times(arrow.types)} />`)}
      ${[...places].map(
        ([service, { x, y }]) => html`<${Box} key=${service} service=${service} x=${x} y=${y} backlogs=${backlogs} />`,
      )}
    </svg>
    <//>
    <details>
      <summary>The same as a table</summary>
      <table class="list plain">
        <thead><tr><th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Events</th>
            <th scope="col">Last minute</th></tr></thead>
        <tbody>
          ${arrows.map(
            ({ from, to, types }) => html`<tr key=${`${from} ${to}`}>
              <td>${from}</td><td>${to}</td><td class="mono">${types.join(', ')}</td><td>${count(times(types))}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </details>
  </section>`
}

/** The queue's length and rates, in a sentence. @type {(queue: LookedQueue) => string} */
const backlogIn = (one) =>
  `${one.queue} backs up: ${counted(one.messages, 'message')}, ${rateIn(one.inPerSecond)} in, ${rateIn(one.outPerSecond)} out, oldest ${oldestIn(one)}.`

/**
 * A service. If one of its queues backs up, that queue's rates are shown.
 * @param {{ service: string, x: number, y: number, backlogs: LookedQueue[] }} props
 */
function Box({ service, x, y, backlogs }) {
  const [worst] = backlogs.filter((one) => serviceOf(one.service) === service)
  return html`<g data-service=${service} data-backs-up=${worst !== undefined}>
    <rect x=${x - BOX.width / 2} y=${y - BOX.height / 2} width=${BOX.width} height=${BOX.height} rx="10" />
    <text x=${x} y=${worst ? y - 3 : y + 5}>${service}</text>
    ${worst && html`<text class="waiting" x=${x} y=${y + 14}>${`${count(worst.messages)} · ${rateIn(worst.inPerSecond)} in, ${rateIn(worst.outPerSecond)} out`}</text>`}
  </g>`
}

/** @param {{ arrow: Arrow, times: number, most: number }} props */
function ArrowLine({ arrow: { from, to, types }, times, most }) {
  return html`<g class="arrow" data-service=${from} data-quiet=${times === 0}>
    <title>${from} → ${to}: ${counted(types.length, 'type')}, ${counted(times, 'event')} in the last minute</title>
    <path d=${curveOf(from, to).path} stroke-width=${1.5 + (times / most) * 3} marker-end="url(#tip)" />
  </g>`
}

/** Drawn after all lines, so that no line covers it. @param {{ arrow: Arrow, times: number }} props */
function ArrowNumber({ arrow: { from, to }, times }) {
  if (times === 0) return null
  const { x, y } = curveOf(from, to).label
  return html`<text class="number" data-service=${from} x=${x} y=${y}>${count(times)}</text>`
}

/**
 * Arrows to the right pass above the boxes, arrows to the left below them. Those to the lower row go down.
 * @type {(from: string, to: string) => { path: string, label: { x: number, y: number } }}
 */
function curveOf(from, to) {
  const start = places.get(from) ?? { x: 0, y: 0 }
  const end = places.get(to) ?? { x: 0, y: 0 }
  const half = BOX.height / 2
  if (start.y !== end.y) {
    const middle = { x: (start.x + end.x) / 2 + 24, y: (start.y + end.y) / 2 + 30 }
    return {
      path: `M${start.x - 20} ${start.y + half} Q${start.x - 20} ${middle.y} ${end.x + (start.x - end.x) / 8} ${end.y - half - 3}`,
      label: { x: start.x - 34, y: start.y + half + 48 },
    }
  }
  const isForward = end.x > start.x
  const side = isForward ? -1 : 1
  const bend = 18 + Math.abs(end.x - start.x) / 7
  const edge = start.y + side * half
  // The longer the arrow, the nearer to the middle of its boxes it starts and ends, so that arrows do not overlap.
  const inset = 56 - 22 * Math.round((Math.abs(end.x - start.x) / WIDTH) * listed.length)
  const [x1, x2] = isForward ? [start.x + inset, end.x - inset] : [start.x - inset, end.x + inset]
  return {
    path: `M${x1} ${edge} Q${(x1 + x2) / 2} ${edge + side * bend * 1.6} ${x2} ${edge + side * 3}`,
    label: { x: (x1 + x2) / 2, y: edge + side * bend * 0.8 + (isForward ? -4 : 14) },
  }
}
