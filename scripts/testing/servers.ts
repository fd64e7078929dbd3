// What the tests need beside themselves, all private: servers on free ports and the built services, in folders of this run
// that are removed with it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { scratchFolder } from '@orders/shared/testing'
import { type RabbitInstallation, requireRabbit, waysToInstall } from '../broker/install.ts'
import { type RabbitNode, startRabbitNode } from '../broker/node.ts'
import { buildServices } from '../building/services.mjs'
import { requireChromium } from '../chromium/install.ts'
import { requirePostgres } from '../postgres/install.ts'
import { type PostgresServer, startPostgres } from '../postgres/server.ts'

export interface TestServers {
  rabbit: RabbitNode
  postgres: PostgresServer
  /** Where the services were built. */
  servicesDir: string
  /** What the tests read to find all of it. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/**
 * Starts a RabbitMQ node and a PostgreSQL server for one run, and builds. What is already on the machine is never
 * touched. Their data is `onDisk` for who measures or breaks disks, else in memory where there is enough. A browser is found, or
 * installed, for those tests that drive one.
 */
export async function startTestServers(
  say: (line: string) => void,
  signal: AbortSignal,
  { onDisk = false, withBrowser = false } = {},
): Promise<TestServers> {
  // One after the other: apt works for one at a time.
  const installation = await requireRabbit(say, waysToInstall, signal)
  const bin = await requirePostgres(say, signal)
  const browser: Record<string, string> = withBrowser ? { TEST_CHROMIUM: await requireChromium(say, signal) } : {}
  const data = await scratchFolder({ onDisk })
  await mkdir('.data', { recursive: true })
  // Below the project, where the packages are found.
  const servicesDir = await mkdtemp(resolve('.data', 'test-'))
  const remove = () => Promise.all([data.remove(), rm(servicesDir, { recursive: true, force: true })])
  try {
    const [rabbit, postgres] = await startBoth(data.path, installation, bin, signal)
    // Built, a service starts in a tenth of the time that compiling it at every start takes.
    await buildServices(servicesDir)
    return {
      rabbit,
      postgres,
      servicesDir,
      environment: {
        TEST_AMQP_URL: rabbit.amqpUrl,
        TEST_MANAGEMENT_URL: rabbit.managementUrl,
        TEST_POSTGRES_URL: postgres.url,
        TEST_SERVICES_DIR: servicesDir,
        ...browser,
      },
      stop: async () => {
        // Nothing of its data is kept, so nothing needs to be written.
        await Promise.all([rabbit.kill(), postgres.stop()])
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Both, or neither. */
async function startBoth(
  dir: string,
  installation: RabbitInstallation,
  bin: string,
  signal: AbortSignal,
): Promise<[RabbitNode, PostgresServer]> {
  const [rabbit, postgres] = await Promise.allSettled([
    startRabbitNode({ dir, installation, signal }),
    startPostgres({ dir, bin, signal }),
  ])
  if (rabbit.status === 'fulfilled' && postgres.status === 'fulfilled') return [rabbit.value, postgres.value]
  if (rabbit.status === 'fulfilled') await rabbit.value.kill()
  if (postgres.status === 'fulfilled') await postgres.value.stop()
  throw rabbit.status === 'rejected' ? rabbit.reason : (postgres as PromiseRejectedResult).reason
}
