// A process is stopped in order and comes back as the last release; after a while it is upgraded again. Other processes go on as
// what they are, on the same queues and tables.
import { type Inject, untilTrue } from './fault.ts'

export const versions: Inject<'versions'> = async ({ fleet, release, servicesDir }, member) => {
  if (!release) throw new Error('there is no release to run beside')
  await fleet.restart(member, release.servicesDir)
  const isReady = () => untilTrue(() => fleet.isReady(member))
  const wasReady = await isReady()
  return async () => {
    await fleet.restart(member, servicesDir)
    const isBack = await isReady()
    const what = `ready as ${release.name}, and ${isBack ? '' : 'not yet '}as what it is now`
    return { felt: wasReady ? 1 : 0, what: wasReady ? what : `never ready as ${release.name}` }
  }
}
