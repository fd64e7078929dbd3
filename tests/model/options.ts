// What `npm run model` is told on its command line.
import { parseArgs } from 'node:util'

export const USAGE = `npm run model -- [--keep DIR] [--mutants] [--only TEXT]

  --keep     the folder that the model is written to and left in (default: a scratch folder, which is removed)
  --mutants  checks mutants of the choreography instead, each a piece left out or made twice: a model must object to it
  --only     of the mutants, those whose name has this text in it; their stories are told`

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
    if (only !== undefined && !mutants) return '--only goes with --mutants'
    return { keep, mutants, only }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
