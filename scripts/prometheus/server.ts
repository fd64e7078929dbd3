// Runs a private Prometheus on a free port that reads the metrics of services every second, for tests of rules and dashboards.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { start, stop } from '../processes/child.ts'
import { guard } from '../processes/guard.ts'
import { freePorts, somethingListens, until } from '../processes/ports.ts'
import { requireProgram } from '../programs.ts'

const STARTS_WITHIN_MS = 20_000

/** `prometheus` and `promtool`, both of one package. */
export function requirePrometheus(program: 'prometheus' | 'promtool'): Promise<string> {
  const wanted = {
    program,
    package: 'prometheus',
    needed: 'Prometheus is needed for the tests of alerts and dashboards.',
    macOS: 'brew install prometheus',
  }
  return requireProgram(wanted, console.error, AbortSignal.timeout(300_000))
}

export interface PrometheusServer {
  url: string
  stop(): Promise<void>
}

/** Resolves when it answers; `dir` is for its data, and the caller's to remove. Stop it with `stop`. */
export async function startPrometheus(dir: string, rules: string, targets: string[]): Promise<PrometheusServer> {
  const program = await requirePrometheus('prometheus')
  const [port = 0] = await freePorts(1)
  await mkdir(dir, { recursive: true })
  const config = join(dir, 'prometheus.json')
  // JSON is YAML, too.
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: 'order-choreography', static_configs: [{ targets }] }],
    }),
  )
  const settings = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  const server = await start(program, settings, { stdio: 'ignore' })
  const release = guard([server.pid])
  const end = async () => {
    await stop(server, 5_000)
    release()
  }
  const signal = AbortSignal.timeout(STARTS_WITHIN_MS)
  await until(async () => server.hasExited() || (await somethingListens(port)), 50, signal)
  if (server.hasExited()) {
    release()
    throw new Error(`prometheus ended while it was starting on port ${port}.`)
  }
  return { url: `http://127.0.0.1:${port}`, stop: end }
}
