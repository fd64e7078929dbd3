// What `npm run model` is told on its command line.
import { parseArgs } from 'node:util'

export const USAGE = `npm run model -- [--keep DIR] [--mutants] [--only TEXT]

  --keep     writes the model into this folder and keeps it (default: a temporary folder)
  --mutants  checks mutants instead: choreographies with one mistake each, which the checker must find
  --only     checks only mutants with this text in their name, and prints how each breaks a promise`

export interface Options {
  keep: string | undefined
  mutants: boolean
  only: string | undefined
}

/** The options, or what is wrong with them, for people. */
export function optionsOf(args: string[]): Options | string {
  try {
    const { keep, mutants, only } = parseArgs({
      args,
      options: { keep: { type: 'string' }, mutants: { type: 'boolean', default: false }, only: { type: 'string' } },
    }).values
    if (only !== undefined && !mutants) return '--only needs --mutants'
    return { keep, mutants, only }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
