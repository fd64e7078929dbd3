// An operator sends dead letters again and the command is killed in the middle; then it is run once more.
import { deadLetters } from '../../support/dead-letters.ts'
import type { Inject } from './fault.ts'

export const replay: Inject<'replay'> = async ({ vhost, servicesDir }, _) => {
  const waiting = await vhost.waiting()
  const [queue] = Object.entries(waiting)
    .filter(([name]) => name.endsWith('.dlq'))
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name)
  if (queue === undefined) return async () => ({ felt: 0, what: 'no dead letters to send again' })
  const killed = await deadLetters(vhost.amqpUrl, ['replay', queue], {
    chaos: { CHAOS_KILL_AT: 'replay:1' },
    servicesDir,
  })
  await deadLetters(vhost.amqpUrl, ['replay', queue], { servicesDir })
  return async () => ({ felt: killed.code === null ? 1 : 0, what: `${queue} sent again, killed in between` })
}
