// What `npm run chaos` is told on its command line.
import { parseArgs } from 'node:util'
import { type DatabaseKind, databases, type FaultKind, faultKindsOf } from './schedule.ts'

export interface Options {
  seed: number
  minutes: number
  faults: FaultKind[]
  database: DatabaseKind
  /** Processes of each service. */
  copies: number
  /** Orders a second. */
  rate: number
  /** Instead of orders: so many notifications, over all channels. */
  notifications?: number
}

export const USAGE = `npm run chaos -- [--seed N] [--minutes M] [--faults kill,broker,…] [--database D] [--copies C] [--rate R]
npm run chaos -- --notifications N [--seed N]

--seed N       decides the load and the faults, 0 to 4294967295; default: a random seed
--minutes M    how long to inject faults, 0.1 to 600; default 1
--faults …     injects only these: ${faultKindsOf('sqlite').join(', ')};
               on postgres, instead of disk: ${faultKindsOf('postgres')
                 .filter((kind) => !faultKindsOf('sqlite').includes(kind))
                 .join(', ')}
--database D   the services' database, ${databases.join(' or ')}; default sqlite
--copies C     processes of each service, 1 to 4; default 1
--rate R       orders per second, 1 to 200; default 20
--notifications N   sends N notifications over all channels instead of orders, 100 to 1000000, through providers that
               accept, refuse and hang, while the run kills notification-service and the broker; only with --seed`

const DEFAULT_RATE = 20
/** A run of notifications is one process on SQLite, as long as it takes. */
const OF_ORDERS = ['minutes', 'faults', 'database', 'copies', 'rate'] as const
const SEED_MAX = 4_294_967_295

/** @throws Error with what is wrong, for people */
export function readOptions(args: string[], randomSeed: number): Options {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string', default: String(randomSeed) },
      minutes: { type: 'string' },
      faults: { type: 'string' },
      database: { type: 'string' },
      copies: { type: 'string' },
      rate: { type: 'string' },
      notifications: { type: 'string' },
    },
  })
  const { minutes = '1', database: wanted = 'sqlite', copies = '1', rate = String(DEFAULT_RATE) } = values
  const refused = OF_ORDERS.filter((name) => values[name] !== undefined)
  if (values.notifications !== undefined && refused.length > 0)
    throw new Error(
      `--notifications can be combined only with --seed, not with ${refused.map((name) => `--${name}`).join(', ')}`,
    )
  const database = databases.find((name) => name === wanted)
  if (!database) throw new Error(`--database must be ${databases.join(' or ')}, not "${wanted}"`)
  const kinds = faultKindsOf(database)
  const faults = values.faults?.split(',').map((name) => name.trim()) ?? kinds
  const unknown = faults.filter((name) => !kinds.some((kind) => kind === name))
  if (unknown.length > 0) throw new Error(`--faults: unknown on ${database}: ${unknown.join(', ')}`)
  return {
    seed: numberIn('seed', values.seed, 0, SEED_MAX, Number.isInteger),
    minutes: numberIn('minutes', minutes, 0.1, 600),
    faults: kinds.filter((kind) => faults.includes(kind)),
    database,
    copies: numberIn('copies', copies, 1, 4, Number.isInteger),
    rate: numberIn('rate', rate, 1, 200),
    ...(values.notifications !== undefined && {
      notifications: numberIn('notifications', values.notifications, 100, 1_000_000, Number.isInteger),
    }),
  }
}

/** The command that runs exactly this again. */
export function commandOf({ seed, minutes, faults, database, copies, rate, notifications }: Options): string {
  if (notifications !== undefined) return `npm run chaos -- --seed ${seed} --notifications ${notifications}`
  const parts = [`npm run chaos -- --seed ${seed} --minutes ${minutes}`]
  if (database !== 'sqlite') parts.push(`--database ${database}`)
  if (faults.length < faultKindsOf(database).length) parts.push(`--faults ${faults.join(',')}`)
  if (copies > 1) parts.push(`--copies ${copies}`)
  if (rate !== DEFAULT_RATE) parts.push(`--rate ${rate}`)
  return parts.join(' ')
}

function numberIn(name: string, text: string, least: number, most: number, isAllowed = Number.isFinite): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!isAllowed(value) || value < least || value > most)
    throw new Error(
      `--${name} must be a ${isAllowed === Number.isInteger ? 'whole ' : ''}number from ${least} to ${most}, not "${text}"`,
    )
  return value
}
