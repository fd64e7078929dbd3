// Runs a service as a process: configuration, log, signals, exit codes.
import { setPriority } from 'node:os'
import type { Static, TObject } from 'typebox'
import { type CommonConfig, readConfig } from '../runtime/config.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import { createLog } from '../runtime/log.ts'
import { withoutPrivate } from '../runtime/redact.ts'
import type { ServiceDefinition } from './definition.ts'
import { type RunningService, startService } from './service.ts'
import { startedDespiteOutages } from './starting.ts'

/**
 * Runs until SIGTERM or SIGINT, then stops in order and exits 0. Exits 1 when it cannot start, must stop for a fault that only
 * a person can repair, or did not stop in time.
 */
export async function run<Schema extends TObject>(definition: ServiceDefinition<Schema>): Promise<void> {
  const environment = process.env
  const config = settings(definition, environment)
  if (!config) return
  // Lowering one's own priority needs no privilege.
  if (definition.niceness !== undefined) setPriority(definition.niceness)
  const log = await createLog({
    service: definition.name,
    level: config.logLevel,
    pretty: config.logPretty ?? process.stdout.isTTY === true,
  })
  let running: RunningService | undefined
  let stopping = false

  async function stop(why: string, exitCode: number): Promise<void> {
    if (stopping) return
    stopping = true
    log.info({ why }, 'stopping')
    // The last resort, for a part that hangs without a timer of its own.
    setTimeout(() => process.exit(1), config ? config.shutdownMs + 1_000 : 0).unref()
    const { clean } = (await running?.close()) ?? { clean: true }
    log.info({ clean }, 'stopped')
    process.exit(clean ? exitCode : 1)
  }

  const broken = (error: Error) => {
    log.fatal(detailsOf(error), error.message)
    void stop('broken', 1)
  }
  process.on('SIGTERM', () => void stop('SIGTERM', 0))
  process.on('SIGINT', () => void stop('SIGINT', 0))
  process.on('uncaughtException', broken)
  process.on('unhandledRejection', (reason) => broken(asError(reason)))
  try {
    running = await startedDespiteOutages(() => startService(definition, config, { log, broken }), { log })
  } catch (thrown) {
    const error = asError(thrown)
    log.fatal(detailsOf(error), `cannot start: ${error.message}`)
    process.exit(1)
  }
}

function settings<Schema extends TObject>(
  definition: ServiceDefinition<Schema>,
  environment: NodeJS.ProcessEnv,
): (Readonly<Static<Schema>> & CommonConfig) | undefined {
  try {
    // Every service's schema is `configWith` the common settings, which the compiler cannot know.
    return readConfig(definition.config, environment) as Readonly<Static<Schema>> & CommonConfig
  } catch (thrown) {
    process.stderr.write(`${definition.name}: ${withoutPrivate(asError(thrown).message)}\n`)
    process.exitCode = 1
    return undefined
  }
}

/** A BrokenError's message says what to do. Only a bug needs its stack. */
function detailsOf(error: Error): object {
  return error instanceof BrokenError ? { code: error.code } : { err: error }
}
