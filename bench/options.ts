// What `npm run bench` can be told.
import { optionsOr } from '../scripts/processes/options.ts'
import type { Figure } from './report.ts'
import type { Settings, Stage } from './stage.ts'

export interface Part {
  name: string
  says: string
  measure(stage: Stage): Promise<Figure[]>
  /** Takes longer than who asks for everything would wait. */
  isLong?: boolean
}

export interface Options {
  settings: Settings
  only: string[]
  json: string | undefined
  release: boolean
  /** As it was given, for who wants to run the same again. */
  command: string
}

const CONFIG = {
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    'in-flight': { type: 'string', default: '400' },
    copies: { type: 'string', default: '1' },
    rate: { type: 'string', default: '120' },
    delay: { type: 'string', default: '1' },
    mails: { type: 'string', default: '2000' },
    waiting: { type: 'string', default: '10000' },
    grown: { type: 'string', default: '200000' },
    failed: { type: 'string', default: '100000' },
    outage: { type: 'string', default: '600' },
    only: { type: 'string' },
    json: { type: 'string' },
    release: { type: 'boolean', default: false },
  },
} as const

const usageOf = (parts: Part[]) => `npm run bench -- [--only PART,…] [--json FILE] [--release] …

${parts.map(({ name, says, isLong }) => `  ${name.padEnd(12)} ${says}${isLong ? '; with --only' : ''}`).join('\n')}

  --only       these parts alone
  --rounds     of what is measured side by side (3)
  --seconds    of load in each round, after four to warm up; the steady load takes six times as long (10)
  --in-flight  orders under way at one time (400)
  --copies     processes of each service (1)
  --rate       orders a second of the steady load (120)
  --delay      milliseconds that the way to PostgreSQL and back takes longer (1)
  --mails      sent in each round (2000)
  --waiting    bulk mails that wait while something urgent is asked for (10000)
  --grown      orders that the tables are filled with (200000)
  --failed     failed messages that the console's are (100000)
  --outage     seconds for which the payment provider is away (600)
  --json       writes the figures to a file
  --release    keeps the figures in bench/released.json, with which later runs are compared`

/** Ends the process when it is told what it does not know. */
export function readOptions(parts: Part[]): Options {
  const names = parts.map(({ name }) => name)
  const values = optionsOr(usageOf(parts), CONFIG, ({ only, json: _, release: __, ...given }) => {
    const faulty = Object.entries(given).find(([, value]) => !/^[1-9]\d{0,6}$/.test(value))
    if (faulty) return `--${faulty[0]} ${faulty[1]}: a whole number from 1 to 9999999 is wanted`
    const unknown = only?.split(',').find((name) => !names.includes(name))
    return unknown === undefined ? undefined : `--only ${unknown}: ${names.join(', ')} are the parts`
  })
  const told = process.argv.slice(2).filter((argument) => argument !== '--release')
  return {
    settings: {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      inFlight: Number(values['in-flight']),
      copies: Number(values.copies),
      rate: Number(values.rate),
      delayMs: Number(values.delay),
      mails: Number(values.mails),
      waiting: Number(values.waiting),
      grown: Number(values.grown),
      failed: Number(values.failed),
      outage: Number(values.outage),
    },
    only: values.only === undefined ? [] : String(values.only).split(','),
    json: values.json === undefined ? undefined : String(values.json),
    release: values.release === true,
    command: ['npm run bench', ...(told.length > 0 ? ['--', ...told] : [])].join(' '),
  }
}

export function chosenParts(parts: Part[], only: string[]): Part[] {
  return parts.filter(({ name, isLong }) => (only.length > 0 ? only.includes(name) : !isLong))
}
