// Erlang's name server, by which the nodes of a machine find each other: in the foreground, so that it ends with them.
import { type Running, start } from '../processes/child.ts'
import { somethingListens, until } from '../processes/ports.ts'
import type { RabbitInstallation } from './install.ts'

interface Epmd {
  installation: RabbitInstallation
  epmdPort: number
  address: string
}

/**
 * Usually it is a daemon that outlives everything; ours is a process to be stopped. Undefined where the port has one
 * already: nodes register there.
 */
export async function launchEpmd({ installation, epmdPort, address }: Epmd): Promise<Running | undefined> {
  if (await somethingListens(epmdPort)) return undefined
  const args = ['-port', String(epmdPort), '-address', address]
  const epmd = await start(installation.epmd, args, { stdio: 'ignore' })
  await until(async () => epmd.hasExited() || (await somethingListens(epmdPort)), 20)
  if (epmd.hasExited())
    throw new Error(`Erlang's name server (${installation.epmd}) did not start on port ${epmdPort}.`)
  return epmd
}
