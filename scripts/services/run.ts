// Runs the planned services as child processes and ends them together.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Exit, type Running, start, stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import type { ServicePlan } from './plan.ts'

export interface Fleet {
  /** Settles at the first service that ends, with which one and how. */
  readonly firstExit: Promise<{ label: string; exit: Exit }>
  /** SIGTERM to all at once, SIGKILL to whatever remains after the limit. */
  stop(limitMs: number): Promise<void>
}

/** This file runs as part of the build that it starts the services of. */
const build = join(import.meta.dirname, '..', '..')

const colours = [36, 33, 32, 35, 34, 31]

/** Starts all services; their logs come out through `write`, each line after its service's name. */
export async function startServices(
  plan: readonly ServicePlan[],
  write: (line: string) => void,
  coloured: boolean,
): Promise<Fleet> {
  const width = Math.max(...plan.map(({ label }) => label.length))
  const started = await Promise.all(
    plan.map(async (service, index) => {
      const running = await start(process.execPath, ['--enable-source-maps', join(build, service.entry)], {
        env: { ...service.environment, ...(coloured ? { FORCE_COLOR: '1' } : {}) },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const name = service.label.padEnd(width)
      const prefix = coloured ? `\u001b[${colours[index % colours.length]}m${name}\u001b[0m │ ` : `${name} | `
      prefixLines(running, (line) => write(prefix + line))
      return { label: service.label, running }
    }),
  )
  const releaseGuard = guard(started.map(({ running }) => running.pid))
  return {
    firstExit: Promise.race(started.map(async ({ label, running }) => ({ label, exit: await running.exited }))),
    stop: async (limitMs) => {
      await Promise.all(started.map(({ running }) => stop(running, limitMs)))
      releaseGuard()
    },
  }
}

function prefixLines(running: Running, write: (line: string) => void): void {
  for (const input of [running.stdout, running.stderr]) {
    if (input) createInterface({ input }).on('line', write)
  }
}
