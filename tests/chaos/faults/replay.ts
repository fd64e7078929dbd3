// An operator sends dead letters again, and audit-service is killed after the first: it goes on by itself.
import { readDeadLetters, sendAgain } from '../drain.ts'
import { type Inject, untilTrue } from './fault.ts'

const KILLED_WITHIN_MS = 15_000

export const replay: Inject<'replay'> = async (world, _) => {
  const { fleet, rows } = world
  const letters = () =>
    readDeadLetters(rows).then(
      (all) => all.filter(({ isSending }) => !isSending),
      () => [],
    )
  if (!(await untilTrue(async () => (await letters()).length > 0)))
    return async () => ({ felt: 0, what: 'no dead letters to send again' })
  const copies = fleet.members.filter(({ service }) => service === 'audit')
  const killed = fleet.killAt(copies, 'replay:1', KILLED_WITHIN_MS)
  const wanted = await letters()
  await sendAgain(world, wanted)
  const who = await killed
  const what = `${wanted.length} sent again, ${who ? `${who} killed in between` : 'nobody killed in time'}`
  return async () => ({ felt: who ? 1 : 0, what })
}
