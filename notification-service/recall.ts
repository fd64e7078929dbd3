// How notification-service is rebuilt from the log: news of orders are taken in again, as of their own time, and then stand where their
// own words say. What was asked of a channel and is told by nobody is asked of it again.
import {
  type Channel,
  channels,
  NotificationCancelled,
  NotificationDigested,
  NotificationExpired,
  NotificationFailed,
  NotificationOptedOut,
  NotificationRequested,
  NotificationSent,
  NotificationSuperseded,
  NotificationUndelivered,
} from '@orders/shared/contracts'
import { type Handler, onMany, owned } from '@orders/shared/messaging'
import type { Recall } from '@orders/shared/runtime'
import { type Standing, standingOf, withStanding } from './deliveries/domain.ts'
import { tellings } from './store.ts'

/** `news` takes in what is heard of orders. */
export const recallOf = (news: readonly Handler[]): Recall => ({
  passes: [
    [
      news.map(untold),
      [
        said(NotificationSent, ({ provider, providerId, isStandIn = false }) => ({
          ...{ status: isStandIn ? 'simulated' : 'sent', provider, providerId, attempts: 1, error: null, call: null },
        })),
        said(NotificationFailed, ({ reason: error }) => ({ status: 'failed', error })),
        said(NotificationExpired, () => ({ status: 'expired' })),
        said(NotificationCancelled, () => ({ status: 'cancelled' })),
        said(NotificationOptedOut, () => ({ status: 'opted_out' })),
        said(NotificationSuperseded, ({ supersededBy }) => ({ status: 'superseded', supersededBy })),
        said(NotificationDigested, ({ digestId }) => ({ status: 'digested', digestId })),
        said(NotificationUndelivered, ({ reason: error }) => ({ status: 'undelivered', error })),
        onMany(NotificationRequested, {
          reads: ({ data }) => [owned(tellings, data.notificationId)],
          decide({ data: { notificationId, channels: asked, again } }, draft, { now }) {
            for (const channel of again ? asked : []) {
              const telling = draft.get(tellings, notificationId)
              const change = { status: 'waiting', generation: again?.generation ?? 1, updatedAt: now } as const
              if (telling && standingOf(telling, channel).generation <= change.generation)
                draft.set(tellings, notificationId, withStanding(telling, channel, change))
            }
            return []
          },
        }),
      ],
    ],
  ],
  owed: channels.map((channel) => ({
    queue: `notification.${channel}.queue`,
    type: NotificationRequested.type,
    reads: ({ data }) => [owned(tellings, idIn(data))],
    isOwed({ data }, draft) {
      const telling = draft.get(tellings, idIn(data))
      return (
        telling !== undefined && channelsIn(data).includes(channel) && standingOf(telling, channel).status === 'waiting'
      )
    },
  })),
})

/** What it decides about earlier news was decided then, too, whatever came of it: only that it is to be told at all may be new. */
const untold = (handler: Handler): Handler => ({
  ...handler,
  decide: (...about) => handler.decide(...about).filter(({ type }) => type === NotificationRequested.type),
})

interface Named {
  notificationId: string
  channel: Channel
}

/** Where a channel stands by its own word. */
function said<Data extends Named>(
  contract: Parameters<typeof onMany<Data>>[0],
  standingOfData: (data: Data) => Partial<Standing>,
): Handler {
  return onMany<Data>(contract, {
    reads: ({ data }) => [owned(tellings, data.notificationId)],
    decide({ data }, draft, { now }) {
      const telling = draft.get(tellings, data.notificationId)
      if (telling)
        draft.set(
          tellings,
          data.notificationId,
          withStanding(telling, data.channel, { ...standingOfData(data), updatedAt: now }),
        )
      return []
    },
  })
}

// The casts are the edge to what the contract has accepted.
const idIn = (data: unknown) => (data as Named).notificationId
const channelsIn = (data: unknown) => (data as { channels: Channel[] }).channels
