// A service as a process of its own, with what kills it at instants loaded before it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { FleetProcess } from './fleet.ts'

const PRELOAD = new URL('./preload.mjs', import.meta.url).href

export interface ServiceProcess {
  /** Arguments to Node: loaders, then the file that starts the service. */
  args: readonly string[]
  /** The whole of it but for `PORT`: what is inherited is in it. */
  environment: Readonly<Record<string, string | undefined>>
}

/** What it says is appended to the file. @throws an Error when there is no Node to start */
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
