// docs/choreography.svg: who says what to whom, from the contracts and what the handlers hear. A column for each service, a row for
// each event that anybody acts on.
import { events, orders, services } from '@orders/shared/contracts'

const LEFT = 240
const COLUMN = 132
const TOP = 96
const ROW = 27
const width = LEFT + services.length * COLUMN
const nouns: readonly string[] = services
const columnOf = (noun: string) => LEFT + COLUMN * (nouns.indexOf(noun) + 0.5)

export function choreographyPicture(): string {
  const rows = [...events.keys()].flatMap((type) => {
    const hearers = services.filter((noun) => hears(noun, type))
    return hearers.length > 0 ? [{ type, hearers }] : []
  })
  const height = TOP + rows.length * ROW + 40
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" role="img" aria-labelledby="title">
  <title id="title">Who says what to whom: every arrow is an event on a RabbitMQ exchange</title>
  <style>
    .name { font-size: 15px; font-weight: 650; fill: #0f172a; text-anchor: middle }
    .box { fill: #ffffff; stroke: #cbd5e1; stroke-width: 1.5 }
    .line { stroke: #cbd5e1; stroke-width: 1.2 }
    .type { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1e3a8a }
    .said { fill: #2563eb }
    .arrow { stroke: #2563eb; stroke-width: 1.6; marker-end: url(#to) }
    .note { font-size: 12px; fill: #64748b }
  </style>
  <marker id="to" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 10 5 0 10z" fill="#2563eb"/></marker>
  <rect width="${width}" height="${height}" rx="16" fill="#f8fafc"/>
${services.map((noun) => columnText(noun, height)).join('')}${rows.map(rowText).join('')}  <text class="note" x="20" y="${height - 14}">A dot marks the publisher, an arrow ends at each consumer. audit-service consumes all of them, by a fanout exchange${onlyAudited(rows.length)}.</text>
</svg>
`
}

/** A queue of its own or of one of its channels is bound with it. */
function hears(noun: string, type: string): boolean {
  return Object.entries(orders.heard).some(
    ([queue, patterns]) =>
      queue.startsWith(`${noun}.`) && patterns.some((one) => one === type || one.startsWith(`${type}.`)),
  )
}

function columnText(noun: string, height: number): string {
  const x = columnOf(noun)
  return `  <path class="line" d="M${x} 70V${height - 36}"/>
  <rect class="box" x="${x - 60}" y="26" width="120" height="44" rx="10"/><text class="name" x="${x}" y="53">${noun}</text>
`
}

function rowText({ type, hearers }: { type: string; hearers: string[] }, index: number): string {
  const y = TOP + index * ROW
  const from = columnOf(type.slice(0, type.indexOf('.')))
  const arrows = hearers.map((noun) => {
    const to = columnOf(noun)
    // What a service says to queues of its own comes back to it.
    const line = to === from ? `M${from} ${y}h26v11h-22` : `M${from} ${y}H${to > from ? to - 4 : to + 4}`
    return `<path class="arrow" fill="none" d="${line}"/>`
  })
  return `  <text class="type" x="20" y="${y + 4}">${type}</text><circle class="said" cx="${from}" cy="${y}" r="4.5"/>${arrows.join('')}
`
}

function onlyAudited(shown: number): string {
  const others = events.size - shown
  return others === 0 ? '' : `, and ${others} more that no other service consumes`
}
