// How many orders a second the system carries to their end, mails and audit included, beside the same messages and the same
// mails without any system: bare amqplib with bare nodemailer, and amqplib alone.
import { type BareFlow, startBareFlow } from './bare.ts'
import { differences } from './flow.ts'
import { type LoadResult, openLoad } from './load.ts'
import { costTable, type Measured, underFullLoad } from './measured.ts'
import { median, percentile } from './numbers.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { total } from './spent.ts'
import { onNewVhost, type Stage, under, WARM_UP_SECONDS, withSystem } from './stage.ts'

interface Bare extends LoadResult {
  /** An order. */
  cpuMs: number
}

interface Round {
  ours: Measured
  /** Messages and mails. */
  bare: Bare
  broker: Bare
}

const BARE = 'bare amqplib and nodemailer'
export const BROKER = 'bare amqplib, no mails'

/** Each round has new processes and empty databases, and the three of it come one after the other. */
export async function measureSettled(stage: Stage): Promise<Figure[]> {
  const rounds: Round[] = []
  await withSink(async ({ url }) => {
    while (rounds.length < stage.settings.rounds) {
      const broker = await bareRound(stage)
      const bare = await bareRound(stage, url)
      const ours = await withSystem(stage, { environment: { SMTP_URL: url } }, (site) => underFullLoad(stage, site))
      rounds.push({ ours, bare, broker })
      tell(stage, rounds.length, { ours, bare, broker })
    }
  })
  return figuresOf(rounds, under(stage.settings))
}

export function bareRound(stage: Stage, smtpUrl?: string): Promise<Bare> {
  return onNewVhost(stage, async (amqpUrl) => {
    const flow = await startBareFlow(amqpUrl, smtpUrl)
    try {
      return await bareLoad(stage, amqpUrl, flow)
    } finally {
      await flow.stop()
    }
  })
}

async function bareLoad({ settings: { inFlight, seconds } }: Stage, amqpUrl: string, flow: BareFlow): Promise<Bare> {
  const load = await openLoad({ amqpUrl, place: flow.place })
  try {
    await load.run({ inFlight, seconds: WARM_UP_SECONDS })
    const before = await flow.cpuMs()
    const result = await load.run({ inFlight, seconds })
    return { ...result, cpuMs: ((await flow.cpuMs()) - before) / result.orders }
  } finally {
    await load.close()
  }
}

function tell({ say }: Stage, round: number, { ours, bare, broker }: Round): void {
  const rates = (one: LoadResult) =>
    `${number(one.settledPerSecond)} settled (${number(one.completedPerSecond)} completed)`
  say(`round ${round}, orders/s: system ${rates(ours)}; ${BARE} ${rates(bare)}; ${BROKER} ${rates(broker)}`)
  say(costTable(ours))
  const unlike = differences(total(ours.spent).deliveries)
  if (unlike.length > 0) say(`WARNING: the bare choreography is not that of the system:\n  ${unlike.join('\n  ')}`)
}

function figuresOf(rounds: Round[], load: string): Figure[] {
  const compared = (name: string, what: string, pair: (round: Round) => [number, number], unit = 'orders/s') =>
    sideBySide(
      name,
      unit,
      what,
      rounds.map((round) => {
        const [ours, beside] = pair(round)
        return { ours, beside }
      }),
    )
  const post = (share: number) => median(rounds.map(({ ours }) => percentile(ours.acceptedMs, share)))
  return [
    compared(`settled, ${load}`, BARE, ({ ours, bare }) => [ours.settledPerSecond, bare.settledPerSecond]),
    compared(`settled beside the broker, ${load}`, BROKER, ({ ours, broker }) => [
      ours.settledPerSecond,
      broker.settledPerSecond,
    ]),
    compared(`completed, ${load}`, BARE, ({ ours, bare }) => [ours.completedPerSecond, bare.completedPerSecond]),
    compared(`CPU an order, ${load}`, BARE, ({ ours, bare }) => [total(ours.spent).cpuMs, bare.cpuMs], 'ms'),
    { name: `POST /orders p50, ${load}`, unit: 'ms', ours: post(0.5) },
    { name: `POST /orders p99, ${load}`, unit: 'ms', ours: post(0.99) },
  ]
}
