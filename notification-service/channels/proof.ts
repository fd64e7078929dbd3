// Decides whether a provider's report that an address is gone is trusted. If a provider suddenly reports a large share
// of all addresses as gone, the fault is the provider's or ours. Then its reports suppress nothing until an operator
// has looked and releases the stop.
//
// Each copy counts its own calls, since the share is about the same in every copy. A stop holds for all copies.
import { about, type GroupCommit, type Work } from '@orders/shared/messaging'
import { type Log, type OwnGauges, RejectedError } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import type { SuppressionStop } from './domain.ts'
import { listStops, suppressionStops } from './store.ts'

export interface Proof {
  /** Counts a call whose outcome is known. */
  answered(provider: string): void
  /** Whether to suppress an address that `provider` reports as gone. */
  accepts(provider: string): Promise<boolean>
}

interface Options {
  database: Reader
  commit: Pick<GroupCommit, 'submit'>
  log: Log
  now: () => Date
  /** In percent of the calls of the last hour. */
  shareMax: number
}

/** Up to this many gone addresses in an hour prove nothing, whatever their share. */
const GONE_MIN = 10
const MINUTE_MS = 60_000
const MINUTES = 60

interface Minute {
  minute: number
  answered: number
  gone: number
}

export function createProof({ database, commit, log, now, shareMax }: Options): Proof {
  const hours = new Map<string, Minute[]>()
  const releases = new Map<string, string | null>()

  function count(provider: string, what: 'answered' | 'gone'): void {
    const minute = Math.floor(now().getTime() / MINUTE_MS)
    const hour = (hours.get(provider) ?? []).filter((one) => Math.abs(minute - one.minute) < MINUTES)
    const current = hour.find((one) => one.minute === minute) ?? { minute, answered: 0, gone: 0 }
    if (!hour.includes(current)) hour.push(current)
    current[what] += 1
    hours.set(provider, hour)
  }

  function counted(provider: string): { answered: number; gone: number } {
    const sum = (hour: Minute[], what: 'answered' | 'gone') => hour.reduce((total, minute) => total + minute[what], 0)
    const hour = hours.get(provider) ?? []
    // A source that makes no calls, such as the bounce folder, is compared with the calls of all providers.
    const answered = sum(hour, 'answered') || sum([...hours.values()].flat(), 'answered')
    return { answered, gone: sum(hour, 'gone') }
  }

  return {
    answered: (provider) => count(provider, 'answered'),
    async accepts(provider) {
      const stop = (await suppressionStops.load(database, [provider])).get(provider)
      if (stop && stop.releasedAt === null) return false
      const releasedAt = stop?.releasedAt ?? null
      // After a release the counting starts anew.
      if ((releases.get(provider) ?? null) !== releasedAt) hours.delete(provider)
      releases.set(provider, releasedAt)
      count(provider, 'gone')
      const { answered, gone } = counted(provider)
      if (gone <= GONE_MIN || gone * 100 <= Math.max(answered, gone) * shareMax) return true
      await commit.submit(
        stopSuppressing({ provider, answered, gone, stoppedAt: now().toISOString(), releasedAt: null }),
      )
      log.warn(
        { provider, answered, gone },
        'the provider reports too many addresses as gone: these reports are ignored',
      )
      return false
    },
  }
}

/** Changes nothing if another copy has stored the stop already. */
function stopSuppressing(stop: SuppressionStop): Work<void> {
  return about(suppressionStops, stop.provider, (known) => ({
    ...((known === undefined || known.releasedAt !== null) && { state: stop }),
    messages: [],
    result: undefined,
  }))
}

/**
 * Trusts the provider's reports of gone addresses again. Idempotent.
 *
 * @throws RejectedError 404 `no_such_stop`
 */
export function releaseStop(provider: string, at: string): Work<SuppressionStop> {
  return about(suppressionStops, provider, (known) => {
    if (!known) throw new RejectedError(404, 'no_such_stop', `suppression by ${provider} is not stopped`)
    const state = known.releasedAt === null ? { ...known, releasedAt: at } : known
    return { state, messages: [], result: state }
  })
}

export function stopGauge(sql: Reader): OwnGauges {
  return {
    label: 'provider',
    gauges: [
      {
        name: 'suppression_stopped',
        help: '1 while the service ignores a provider that reports too many addresses as gone.',
      },
    ],
    read: async () =>
      (await listStops(sql)).map(({ provider, releasedAt }) => ({
        label: provider,
        values: [releasedAt === null ? 1 : 0],
      })),
  }
}
