// The servers the tests need, all private: started on free ports in a folder of this run, and removed with it.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { requireRabbit, waysToInstall } from '../broker/install.ts'
import { startRabbitNode } from '../broker/node.ts'

export interface TestServers {
  /** What the tests read to find the servers. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/** Starts a RabbitMQ node for one test run. A broker that is already on the machine is never touched. */
export async function startTestServers(say: (line: string) => void, signal: AbortSignal): Promise<TestServers> {
  const installation = await requireRabbit(say, waysToInstall, signal)
  await mkdir('.data', { recursive: true })
  const dir = await mkdtemp(resolve('.data', 'test-'))
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  try {
    const node = await startRabbitNode({ dir, installation, signal })
    return {
      environment: {
        TEST_AMQP_URL: node.amqpUrl,
        TEST_MANAGEMENT_URL: node.managementUrl,
        TEST_RABBITMQCTL: node.rabbitmqctlPath,
        TEST_RABBIT_DIR: dir,
      },
      stop: async () => {
        await node.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}
