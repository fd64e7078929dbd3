// What a command is told on its command line: read, or refused with how it is meant.
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** The values of `config`'s options. Ends the process with code 2, the fault and `usage`, if there are others or one is faulty. */
export function optionsOr<const T extends ParseArgsConfig>(
  usage: string,
  config: T,
  faultOf: (values: ReturnType<typeof parseArgs<T>>['values']) => string | undefined,
) {
  try {
    const { values } = parseArgs(config)
    const fault = faultOf(values)
    if (fault === undefined) return values
    throw new Error(fault)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exit(2)
  }
}
