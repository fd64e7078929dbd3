// What the tests need beside themselves, all private: servers on free ports and the built services, in a folder of this
// run that is removed with it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type RabbitInstallation, requireRabbit, waysToInstall } from '../broker/install.ts'
import { type RabbitNode, startRabbitNode } from '../broker/node.ts'
import { buildServices, linkPackages } from '../building/services.ts'
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
 * touched.
 */
export async function startTestServers(say: (line: string) => void, signal: AbortSignal): Promise<TestServers> {
  // One after the other: apt works for one at a time.
  const installation = await requireRabbit(say, waysToInstall, signal)
  const bin = await requirePostgres(say, signal)
  await mkdir('.data', { recursive: true })
  const dir = await mkdtemp(resolve('.data', 'test-'))
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  try {
    const [rabbit, postgres] = await startBoth(dir, installation, bin, signal)
    // Built, a service starts in a tenth of the time that compiling it at every start takes.
    const servicesDir = join(dir, 'build')
    await buildServices(servicesDir)
    await linkPackages(servicesDir)
    return {
      rabbit,
      postgres,
      servicesDir,
      environment: {
        TEST_AMQP_URL: rabbit.amqpUrl,
        TEST_MANAGEMENT_URL: rabbit.managementUrl,
        TEST_RABBITMQCTL: rabbit.rabbitmqctlPath,
        TEST_RABBIT_DIR: dir,
        TEST_POSTGRES_URL: postgres.url,
        TEST_SERVICES_DIR: servicesDir,
      },
      stop: async () => {
        await Promise.all([rabbit.stop(), postgres.stop()])
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
  if (rabbit.status === 'fulfilled') await rabbit.value.stop()
  if (postgres.status === 'fulfilled') await postgres.value.stop()
  throw rabbit.status === 'rejected' ? rabbit.reason : (postgres as PromiseRejectedResult).reason
}
