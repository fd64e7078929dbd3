// `npm run bench`: the system and the bare broker side by side, in turns, on a private broker; prints ratios.
//
// npm run bench -- --rounds 3 --seconds 10 --in-flight 400 --mails 3000 --waiting 10000 --only mail
import { cpus } from 'node:os'
import { interruption } from '../scripts/processes/interruption.ts'
import { optionsOr } from '../scripts/processes/options.ts'
import { startTestServers } from '../scripts/testing/servers.ts'
import { startSystem } from '../tests/support/system.ts'
import { measureCeiling } from './ceiling.ts'
import { type LoopResult, percentile } from './closed-loop.ts'
import { measureEndToEnd, measureLatency, restock } from './end-to-end.ts'
import { type MailRates, measureMail, type Server } from './mail.ts'
import { measurePriority } from './priority.ts'

const PARTS = ['orders', 'mail', 'priority']
const USAGE = `npm run bench -- [--only ${PARTS.join('|')}] [--rounds 3] [--seconds 10] [--in-flight 400] [--mails 3000] [--waiting 10000]

  --only       one part alone
  --rounds     system and ceiling in turns, so often
  --seconds    of load in each, after four to warm up
  --in-flight  orders under way at one time
  --mails      sent in each round
  --waiting    bulk mails that wait while something urgent is asked for`
const values = optionsOr(
  USAGE,
  {
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '10' },
      'in-flight': { type: 'string', default: '400' },
      mails: { type: 'string', default: '3000' },
      waiting: { type: 'string', default: '10000' },
      only: { type: 'string' },
    },
  },
  ({ only = 'orders', ...numbers }) => {
    const faulty = Object.entries(numbers).find(([, value]) => !/^[1-9]\d{0,5}$/.test(value))
    if (faulty) return `--${faulty[0]} ${faulty[1]}: a whole number from 1 to 999999 is wanted`
    return PARTS.includes(only) ? undefined : `--only ${only}: ${PARTS.join(', ')} are the parts`
  },
)
const load = { inFlight: Number(values['in-flight']), warmUpSeconds: 4, seconds: Number(values.seconds) }
const say = (line = '') => process.stdout.write(`${line}\n`)
const interrupted = interruption()

const { rabbit, servicesDir, stop } = await startTestServers(say, interrupted, { onDisk: true })
try {
  for (const vhost of ['system', 'ceiling', 'mail', 'priority']) {
    await rabbit.rabbitmqctl(['add_vhost', vhost])
    await rabbit.rabbitmqctl(['set_permissions', '-p', vhost, 'guest', '.*', '.*', '.*'])
  }
  say(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`,
  )
  const wanted = (part: string) => (values.only ?? part) === part
  if (wanted('orders')) await benchOrders(`${rabbit.amqpUrl}/system`, `${rabbit.amqpUrl}/ceiling`)
  if (wanted('mail')) {
    await benchMail(`${rabbit.amqpUrl}/mail`, 'keeping')
    await benchMail(`${rabbit.amqpUrl}/mail`, 'forgetting')
  }
  if (wanted('priority')) await benchPriority(`${rabbit.amqpUrl}/priority`)
} finally {
  await stop()
}
process.exit()

async function benchOrders(systemUrl: string, ceilingUrl: string): Promise<void> {
  say(
    `${load.inFlight} orders in flight, ${values.rounds} rounds of ${load.seconds} s each after ${load.warmUpSeconds} s of warm-up`,
  )
  const ceilings: LoopResult[] = []
  const systems: LoopResult[] = []
  for (let round = 1; round <= Number(values.rounds); round++) {
    const ceiling = await measureCeiling({ amqpUrl: ceilingUrl, ...load })
    const system = await systemRound(systemUrl)
    ceilings.push(ceiling)
    systems.push(system)
    say(
      `round ${round}: system ${rate(system)}, bare broker ${rate(ceiling)} orders/s, ratio ${ratio(system, ceiling)}`,
    )
  }
  const [system, ceiling] = [median(systems), median(ceilings)]
  say()
  say(`orders per second, end to end   ${rate(system)}`)
  say(`bare-broker ceiling             ${rate(ceiling)}`)
  say(`ratio                           ${ratio(system, ceiling)}`)
  say(`queues empty after the load     ${ms(system.drainMs)}, bare broker ${ms(ceiling.drainMs)}`)
  say(
    `POST /orders under that load    p50 ${ms(percentile(system.placementMs, 0.5))}, p99 ${ms(percentile(system.placementMs, 0.99))}`,
  )
  await latencyRound(systemUrl)
}

async function benchMail(amqpUrl: string, server: Server): Promise<void> {
  const mails = Number(values.mails)
  const rates: MailRates[] = []
  say()
  say(
    server === 'keeping'
      ? 'mail server that has each mail on its disk before it says so'
      : 'mail server that forgets each mail at once',
  )
  for (let round = 1; round <= Number(values.rounds); round++) {
    const rate = await measureMail({ server, amqpUrl, servicesDir, mails })
    rates.push(rate)
    const { channelPerSecond: channel, barePerSecond: bare } = rate
    say(
      `round ${round}: e-mail channel ${channel.toFixed(0)}, bare nodemailer ${bare.toFixed(0)} mails/s, ratio ${(channel / bare).toFixed(2)}`,
    )
  }
  const { channelPerSecond, barePerSecond } = middleOf(rates, (rate) => rate.channelPerSecond)
  say()
  say(`mails per second, the channel   ${channelPerSecond.toFixed(0)}, of a backlog of ${mails}`)
  say(`bare nodemailer, the same pool  ${barePerSecond.toFixed(0)}, of ${mails}`)
  say(`ratio                           ${(channelPerSecond / barePerSecond).toFixed(2)}`)
}

async function benchPriority(amqpUrl: string): Promise<void> {
  const waiting = Number(values.waiting)
  const { ms: times, leftWaiting } = await measurePriority({ amqpUrl, servicesDir, waiting })
  say()
  say(`urgent among ${waiting} bulk mails that drain, from its 202 until the mail server has it:`)
  say(`${times.length} mails one by one           p50 ${ms(percentile(times, 0.5))}, slowest ${ms(Math.max(...times))}`)
  say(`bulk mails that waited still    ${leftWaiting}`)
}

/** Every round has six new processes and empty databases, as every ceiling round has new workers. */
async function systemRound(amqpUrl: string): Promise<LoopResult> {
  const system = await startSystem({ amqpUrl, servicesDir, onDisk: true, environment: { SHIPPING_TRANSIT_MS: '1' } })
  try {
    await restock(system)
    return await measureEndToEnd(system, { amqpUrl, ...load })
  } finally {
    await system.stop()
  }
}

async function latencyRound(amqpUrl: string): Promise<void> {
  const system = await startSystem({ amqpUrl, servicesDir, onDisk: true, environment: { SHIPPING_TRANSIT_MS: '1' } })
  try {
    await measureLatency(system, amqpUrl, 50)
    const { p50Ms, p99Ms } = await measureLatency(system, amqpUrl, 200)
    say(`202 to completed, one at a time p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`)
  } finally {
    await system.stop()
  }
}

function median(results: LoopResult[]): LoopResult {
  return middleOf(results, ({ ordersPerSecond }) => ordersPerSecond)
}

function middleOf<T>(results: T[], by: (result: T) => number): T {
  const sorted = [...results].sort((a, b) => by(a) - by(b))
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (!middle) throw new Error('--rounds must be at least 1')
  return middle
}

function rate({ ordersPerSecond }: LoopResult): string {
  return ordersPerSecond.toFixed(0)
}

function ratio(system: LoopResult, ceiling: LoopResult): string {
  return (system.ordersPerSecond / ceiling.ordersPerSecond).toFixed(2)
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}
