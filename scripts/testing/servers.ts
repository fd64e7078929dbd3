// What the tests need beside themselves, all private: servers on free ports and the built services, in a folder of this
// run that is removed with it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { requireRabbit, waysToInstall } from '../broker/install.ts'
import { type RabbitNode, startRabbitNode } from '../broker/node.ts'
import { buildServices, linkPackages } from '../building/services.ts'

export interface TestServers {
  rabbit: RabbitNode
  /** Where the services were built. */
  servicesDir: string
  /** What the tests read to find all of it. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/** Starts a RabbitMQ node for one run, and builds. A broker that is already on the machine is never touched. */
export async function startTestServers(say: (line: string) => void, signal: AbortSignal): Promise<TestServers> {
  const installation = await requireRabbit(say, waysToInstall, signal)
  await mkdir('.data', { recursive: true })
  const dir = await mkdtemp(resolve('.data', 'test-'))
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  try {
    const rabbit = await startRabbitNode({ dir, installation, signal })
    // Built, a service starts in a tenth of the time that compiling it at every start takes.
    const servicesDir = join(dir, 'build')
    await buildServices(servicesDir)
    await linkPackages(servicesDir)
    return {
      rabbit,
      servicesDir,
      environment: {
        TEST_AMQP_URL: rabbit.amqpUrl,
        TEST_MANAGEMENT_URL: rabbit.managementUrl,
        TEST_RABBITMQCTL: rabbit.rabbitmqctlPath,
        TEST_RABBIT_DIR: dir,
        TEST_SERVICES_DIR: servicesDir,
      },
      stop: async () => {
        await rabbit.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}
