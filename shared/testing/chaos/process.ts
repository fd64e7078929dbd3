// Starts a service as a process of its own, with `preload.mjs` before it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { FleetProcess } from './fleet.ts'

const PRELOAD = new URL('./preload.mjs', import.meta.url).href

export interface ServiceProcess {
  /** Arguments to Node: loaders, then the file that starts the service. */
  args: readonly string[]
  /** The whole environment except `PORT`; nothing else is inherited. */
  environment: Readonly<Record<string, string | undefined>>
}

/**
 * Its output is appended to the file.
 *
 * @throws Error when Node cannot be started
 */
export async function startProcess(
  { args, environment }: ServiceProcess,
  { more, logPath }: { more: Record<string, string>; logPath: string },
): Promise<FleetProcess> {
  const log = await open(logPath, 'a')
  const child = spawn(process.execPath, ['--import', PRELOAD, ...args], {
    env: { ...environment, ...more },
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  })
  const exited = new Promise<{ code: number | null; signal: string | null }>((settle) => {
    child.once('exit', (code, signal) => settle({ code, signal }))
  })
  await once(child, 'spawn')
  await log.close()
  return {
    pid: child.pid ?? 0,
    exited,
    signal: (name) => void child.kill(name),
    send: (message) => {
      if (child.connected) child.send(message, () => undefined)
    },
  }
}
