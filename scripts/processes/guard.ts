// Ends background processes when this one dies without a chance to: kill -9, or a closed laptop's out-of-memory killer.
import { spawn } from 'node:child_process'

/**
 * Watches over processes that live in groups of their own. A waiting shell holds the other end of a pipe; when this
 * process is gone, however it went, the pipe closes and the shell sends SIGTERM to each pid.
 * @returns releases the watch; call it once the processes have been stopped in the orderly way
 */
export function guard(pids: readonly number[]): () => void {
  const script = 'read -r _; kill -TERM "$@" 2>/dev/null'
  const shell = spawn('/bin/sh', ['-c', script, 'guard', ...pids.map(String)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // A guard that cannot start or is killed takes nothing with it.
  shell.on('error', () => undefined)
  shell.stdin?.on('error', () => undefined)
  shell.unref()
  return () => {
    shell.kill('SIGKILL')
  }
}
