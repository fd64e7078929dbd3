// The operator's command line for dead letters, run as an operator runs it: a process of its own.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { start } from '../../scripts/processes/child.ts'
import { builtServices } from './system.ts'

export interface Said {
  /** Null when it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, '..', 'chaos', 'preload.mjs')).href

interface Options {
  /** With these settings it may be killed at an instant. */
  chaos?: Record<string, string>
  servicesDir?: string
}

/** What `npm run dead-letters -- …` runs, built as the services are. */
export async function deadLetters(
  amqpUrl: string,
  args: string[],
  { chaos = {}, servicesDir = builtServices() }: Options = {},
): Promise<Said> {
  const loaded = Object.keys(chaos).length > 0 ? ['--import', PRELOAD] : []
  const program = join(servicesDir, 'scripts', 'dead-letters.js')
  const running = await start(process.execPath, [...loaded, program, ...args], {
    env: { ...process.env, ...chaos, AMQP_URL: amqpUrl, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  running.stdout?.on('data', (chunk) => {
    said.stdout += chunk
  })
  running.stderr?.on('data', (chunk) => {
    said.stderr += chunk
  })
  const { code } = await running.exited
  return { code, ...said }
}
