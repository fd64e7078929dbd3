// Failed messages in audit-service's store, for tests: looked at and sent again over its HTTP, and by the operator's command line,
// run as an operator runs it: a process of its own.
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import type { Failed, Replay } from '../../scripts/dead-letters/audit.ts'
import { start } from '../../scripts/processes/child.ts'
import { builtServices, type System } from './system.ts'

export interface Said {
  /** Null when it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

type Audit = Pick<System, 'url' | 'get' | 'post'>

/** What `npm run dead-letters -- …` runs, built as the services are; `audit` is audit-service's own URL. */
export async function deadLetters(audit: string, args: string[], servicesDir = builtServices()): Promise<Said> {
  const program = join(servicesDir, 'scripts', 'dead-letters.js')
  const { OPERATOR_TOKENS: _, ...inherited } = process.env
  const running = await start(process.execPath, [program, ...args], {
    env: { ...inherited, PORT: new URL(audit).port, NO_COLOR: '1' },
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

/** All that wait, or those of a filter such as `queue=order.dlq`; the newest first, at most 999. */
export async function failedMessages(system: Pick<Audit, 'get'>, filter = 'state=waiting'): Promise<Failed[]> {
  const { failed } = await system.get<{ failed: Failed[] }>(`/failed?limit=999&${filter}`, 'audit')
  return failed
}

export const failedCount = (system: Pick<Audit, 'get'>, count: number, filter?: string) =>
  eventually(`${count} failed messages are kept`, async () => {
    const failed = await failedMessages(system, filter)
    return failed.length === count && failed
  })

/**
 * Sends all again that wait in one queue's store, at once. Resolves when that is done, or when one of them has failed
 * again before the last was sent, which leaves the others waiting.
 */
export async function sendAgain(system: Audit, queue: string): Promise<void> {
  const begun = await eventually(`what waits in ${queue} is as many as was counted`, () => beginReplay(system, queue))
  if (begun === 'nothing waits') return
  const done = await eventually(`what waits in ${queue} is sent again`, async () => {
    const now = await system.get<Replay>(`/replays/${begun.id}`, 'audit')
    return now.state === 'running' ? undefined : now
  })
  if (done.state !== 'done' && done.failedAgain === 0) throw new Error(`sending again stopped: ${done.why}`)
}

/** Undefined when another has failed since they were counted. */
async function beginReplay(system: Audit, queue: string) {
  const { count } = await system.get<{ count: number }>(`/failed/count?queue=${queue}`, 'audit')
  if (count === 0) return 'nothing waits' as const
  const terms = { operator: 'test', reason: 'it is mended', watchMs: 0, canary: count, ratePerSecond: 1_000 }
  const { body, status } = await system.post('/replays', { ...terms, filter: { queue }, expected: count }, 'audit')
  if (status === 409 && (body as { code?: string }).code === 'count_differs') return undefined
  if (status !== 202) throw new Error(`not sent again: ${JSON.stringify(body)}`)
  return { id: (body as Replay).id }
}
