// docs/life-of-a-message.svg: from the commit that decides it to the commit that it leads to, drawn from the list of its steps.

const LANES = ['its database', 'who says it', 'RabbitMQ', 'who hears it', 'its database', 'outside'] as const
const [SAYER_DATA, SAYER, BROKER, HEARER, HEARER_DATA, OUTSIDE] = LANES.keys()

interface Step {
  from: number | undefined
  to: number | undefined
  says: string
  /** Only when something fails. */
  isDetour?: boolean
}

/** In the order of docs/architecture.md. */
const STEPS: readonly Step[] = [
  { from: SAYER, to: SAYER_DATA, says: 'state and outbox row, one commit' },
  { from: SAYER, to: BROKER, says: 'publish: persistent, mandatory' },
  { from: BROKER, to: SAYER, says: 'confirm' },
  { from: SAYER, to: SAYER_DATA, says: 'forget the row, in a later group' },
  { from: BROKER, to: HEARER, says: 'deliver, at most prefetch' },
  { from: HEARER, to: OUTSIDE, says: 'ask, with a limit and a key' },
  { from: HEARER, to: HEARER_DATA, says: 'load, decide, save: one group' },
  { from: HEARER, to: BROKER, says: 'ack, after the commit' },
  { from: HEARER, to: HEARER_DATA, says: 'or: a row, to be tried again', isDetour: true },
  { from: HEARER, to: BROKER, says: 'or: a dead letter, kept whole', isDetour: true },
]

const COLUMN = 230
const TOP = 100
const ROW = 46
const width = LANES.length * COLUMN
const height = TOP + STEPS.length * ROW + 20
const xOf = (lane: number) => COLUMN * (lane + 0.5)

export function lifePicture(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" role="img" aria-labelledby="title">
  <title id="title">The life of a message, from the commit that decides it to the commit that it leads to</title>
  <style>
    .box { fill: #ffffff; stroke: #cbd5e1; stroke-width: 1.5 }
    .name { font-size: 15px; font-weight: 650; fill: #0f172a; text-anchor: middle }
    .line { stroke: #cbd5e1; stroke-width: 1.2 }
    .step { stroke: #2563eb; stroke-width: 1.8; marker-end: url(#to) }
    .detour { stroke: #b45309; stroke-width: 1.8; stroke-dasharray: 6 4; marker-end: url(#back) }
    .says { font-size: 12.5px; fill: #334155; text-anchor: middle }
  </style>
  <marker id="to" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 10 5 0 10z" fill="#2563eb"/></marker>
  <marker id="back" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 10 5 0 10z" fill="#b45309"/></marker>
  <rect width="${width}" height="${height}" rx="16" fill="#f8fafc"/>
${LANES.map(laneText).join('')}${STEPS.map(stepText).join('')}</svg>
`
}

function laneText(name: string, lane: number): string {
  const x = xOf(lane)
  return `  <path class="line" d="M${x} 64V${height - 16}"/>
  <rect class="box" x="${x - 75}" y="22" width="150" height="42" rx="10"/><text class="name" x="${x}" y="48">${name}</text>
`
}

function stepText({ from = 0, to = 0, says, isDetour }: Step, index: number): string {
  const y = TOP + index * ROW
  const middle = (xOf(from) + xOf(to)) / 2
  return `  <path class="${isDetour ? 'detour' : 'step'}" d="M${xOf(from)} ${y}H${xOf(to)}"/><text class="says" x="${middle}" y="${y - 7}">${isDetour ? '' : `${index + 1}. `}${says}</text>
`
}
