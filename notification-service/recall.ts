// Rebuilds notification-service from the audit log. News of orders is taken in again, as of its own time. Then the
// events about each notification set the standing of its channels. Requests without an outcome in the log are made
// again.
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

/** `news`: the handlers that take in news of orders. */
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

/** The log contains what these decisions published about earlier news. Only requests may be missing from it. */
const untold = (handler: Handler): Handler => ({
  ...handler,
  decide: (...about) => handler.decide(...about).filter(({ type }) => type === NotificationRequested.type),
})

interface Named {
  notificationId: string
  channel: Channel
}

/** A handler that sets a channel's standing from the event about it. */
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

// The casts are safe: the contract has validated the data.
const idIn = (data: unknown) => (data as Named).notificationId
const channelsIn = (data: unknown) => (data as { channels: Channel[] }).channels
