// The log, by pino, with one line for each outcome: JSON for machines, a readable coloured line in a terminal.

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

/** Lines are written synchronously. So a killed process has logged everything that happened, and its last lines matter most. */
const SYNC = true

export async function createLog({ service, level, pretty, destination }: Options): Promise<Logger> {
  // Applied to the finished line, so that private data is found at any depth and in foreign texts.
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
