// pino, one line for each outcome: JSON for machines, one readable coloured line in a terminal.

import { type DestinationStream, type Logger, pino } from 'pino'
import { sentenceOf } from './log-sentence.ts'
import { redactLine } from './redact.ts'

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>

interface Options {
  service: string
  level: string
  /** Readable lines instead of JSON. */
  pretty: boolean
  destination?: DestinationStream
}

/** What a line says has happened, and a process that is killed has said it: the last lines are those one looks for. */
const SYNC = true

export async function createLog({ service, level, pretty, destination }: Options): Promise<Logger> {
  // On the finished line: what is private is found at any depth, and in texts of others that we repeat.
  const options = { level, base: { service }, hooks: { streamWrite: redactLine } }
  return pino(options, destination ?? (pretty ? await prettyStream() : pino.destination({ sync: SYNC })))
}

async function prettyStream(): Promise<DestinationStream> {
  const { default: build, isColorSupported } = await import('pino-pretty')
  return build({
    colorize: isColorSupported,
    colorizeObjects: false,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,service',
    hideObject: true,
    messageFormat: (line) => sentenceOf(line, isColorSupported),
    sync: SYNC,
  })
}
