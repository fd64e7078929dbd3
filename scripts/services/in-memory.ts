// A service as it runs, but over a broker in memory and with data that nobody keeps: to ask it about itself.
import { join } from 'node:path'
import { topology } from '@orders/shared/contracts'
import { createLog, readConfig, type Seams, type ServiceDefinition, startService } from '@orders/shared/runtime'
import { createMemoryBroker, type MemoryBroker, scratchFolder } from '@orders/shared/testing'

/** One for all that hear one another. */
const MASTER_KEY = Buffer.alloc(32, 'in memory').toString('base64')

interface Options {
  environment?: Record<string, string>
  /** Shared by services that are to hear one another. */
  broker?: MemoryBroker
  now?: Seams['now']
  isGenerating?: boolean
}

/** Takes a free port. Whoever starts it closes it, which removes its data too. */
export async function startInMemory(definition: ServiceDefinition, options: Options = {}) {
  const { environment = {}, broker = createMemoryBroker(topology), now, isGenerating = false } = options
  const folder = await scratchFolder()
  try {
    const settings = { DATA_DIR: join(folder.path, 'data'), LOG_LEVEL: 'silent', MASTER_KEY, ...environment }
    const config = { ...readConfig(definition.config, settings), portBase: 0 }
    const service = await startService(definition, config as never, {
      log: await createLog({ service: definition.name, level: 'silent', pretty: false }),
      openBroker: (name) => broker.connect(name),
      ...(now && { now }),
      isGenerating,
      broken: (error) => {
        throw error
      },
    })
    const close = async () => {
      await service.close()
      await folder.remove()
    }
    return { url: service.url, heard: service.heard, sweep: service.sweep, close }
  } catch (error) {
    await folder.remove()
    throw error
  }
}
