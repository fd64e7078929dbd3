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

${parts.map(({ name, says, isLong }) => `  ${name.padEnd(12)} ${says}${isLong ? ' (only with --only)' : ''}`).join('\n')}

  --only       measures only these parts
  --rounds     rounds of each comparison (3)
  --seconds    seconds of load in each round, after four to warm up; the steady load takes six times as long (10)
  --in-flight  orders in progress at the same time (400)
  --copies     processes of each service (1)
  --rate       orders per second of the steady load (120)
  --delay      milliseconds added to each round trip to PostgreSQL (1)
  --mails      mails in each round (2000)
  --waiting    bulk mails that wait when an urgent mail is requested (10000)
  --grown      orders in the tables of the parts grown and console (200000)
  --failed     failed messages in the tables of the part console (100000)
  --outage     seconds for which the payment provider is down (600)
  --json       writes the figures to a file
  --release    writes the figures into bench/released.json, with which later runs are compared`

/** Ends the process when it is told what it does not know. */
export function readOptions(parts: Part[]): Options {
  const names = parts.map(({ name }) => name)
  const values = optionsOr(usageOf(parts), CONFIG, ({ only, json: _, release: __, ...given }) => {
    const faulty = Object.entries(given).find(([, value]) => !/^[1-9]\d{0,6}$/.test(value))
    if (faulty) return `--${faulty[0]} must be a whole number from 1 to 9999999, not "${faulty[1]}"`
    const unknown = only?.split(',').find((name) => !names.includes(name))
    return unknown === undefined ? undefined : `--only: there is no part ${unknown}; the parts are ${names.join(', ')}`
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
