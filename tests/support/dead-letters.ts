// The operator's command line for dead letters, run as an operator runs it: a process of its own.
import { type Exit, start } from '../../scripts/processes/child.ts'

export interface Said {
  code: Exit['code']
  stdout: string
  stderr: string
}

/** What `npm run dead-letters -- …` runs. */
export async function deadLetters(amqpUrl: string, ...args: string[]): Promise<Said> {
  const running = await start(process.execPath, ['--import', 'tsx', 'scripts/dead-letters.ts', ...args], {
    env: { ...process.env, AMQP_URL: amqpUrl, NO_COLOR: '1' },
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
