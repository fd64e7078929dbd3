// Why a service cannot do its work now, for people: the answer of `/health/ready`.
import type { Kernel, Outbox, Taking } from '../messaging/index.ts'
import { asError } from '../runtime/errors.ts'

/** A delivery that takes this long is stuck, since no call and no commit takes so long. */
const STUCK_AFTER_MS = 300_000

/** Empty if all is well. */
export async function faultsOf(
  { broker, database, outage }: Kernel,
  outbox: Pick<Outbox, 'refused'>,
  takings: readonly Taking[],
): Promise<string[]> {
  const { fault, refused } = broker.status()
  const databaseFault = await database.get('select 1').then(
    () => outage.fault(),
    (error: unknown) => asError(error).message,
  )
  const waiting = new Map(outbox.refused().map(({ route, waiting: count }) => [route, count]))
  const routes = new Set([...refused, ...waiting.keys()])
  const stuck = takings.filter((taking) => taking.oldestMs() > STUCK_AFTER_MS)
  return [
    ...(fault === undefined ? [] : [`broker: ${fault}`]),
    ...[...routes].map(
      (route) => `broker: '${route}' is refused, ${waiting.get(route) ?? 0} messages wait in the outbox`,
    ),
    ...(databaseFault === undefined ? [] : [`database: ${databaseFault}`]),
    ...takings.flatMap(({ fault }) => fault?.() ?? []),
    ...stuck.map(
      ({ queue, oldestMs }) => `${queue}: a delivery has been unsettled for ${Math.round(oldestMs() / 1_000)} s`,
    ),
  ]
}
