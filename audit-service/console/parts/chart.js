// A line chart over time in the colours of the theme. The newest values are listed in text beside it, for screen readers.
import { html, useEffect, useRef } from '/console/packages/preact.js'
import uPlot from '/console/packages/uplot.js'

/**
 * @typedef {{
 *   label: string, colour: string, values: number[]
 * }} Line `colour` names a custom property of the style sheet
 */

const HEIGHT = 220
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** @type {(seconds: number) => string} */
const clockOf = (seconds) => clock.format(seconds * 1_000)

/** @param {{ title: string, times: number[], lines: Line[] }} props `times` in seconds since 1970 */
export function Chart({ title, times, lines }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null))
  const chart = useRef(/** @type {uPlot | undefined} */ (undefined))
  const data = /** @type {uPlot.AlignedData} */ ([times, ...lines.map(({ values }) => values)])
  useEffect(() => {
    const drawn = place.current
    if (!drawn) return undefined
    const isDark = matchMedia('(prefers-color-scheme: dark)')
    const draw = () => {
      chart.current?.destroy()
      chart.current = new uPlot(optionsOf(drawn, lines), data, drawn)
    }
    draw()
    isDark.addEventListener('change', draw)
    const sized = new ResizeObserver(() => chart.current?.setSize({ width: drawn.clientWidth, height: HEIGHT }))
    sized.observe(drawn)
    return () => {
      sized.disconnect()
      isDark.removeEventListener('change', draw)
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [])
  useEffect(() => chart.current?.setData(data))
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <div class="plot" ref=${place} aria-hidden="true"></div>
    <dl class="legend">
      ${lines.map(
        ({ label, colour, values }) => html`<div key=${label} data-colour=${colour}>
          <dt>${label}</dt>
          <dd>${(values.at(-1) ?? 0).toFixed(1)}</dd>
        </div>`,
      )}
    </dl>
  </figure>`
}

/** @type {(place: HTMLElement, lines: Line[]) => uPlot.Options} */
function optionsOf(place, lines) {
  const style = getComputedStyle(place)
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`)
  const axis = { stroke: colour('soft'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } }
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      { ...axis, size: 30, values: (_, times) => times.map(clockOf) },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      ...lines.map((line) => ({ label: line.label, stroke: colour(line.colour), width: 2, points: { show: false } })),
    ],
  }
}
