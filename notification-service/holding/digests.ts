// Gathers the messages that wait for a digest. The first message opens a window. At its end, one transaction turns all
// messages in it into one. Only the copy that closes the window does so.
import type { Channel, Message } from '@orders/shared/contracts'
import { type Draft, type Known, owned, type Ref, seen } from '@orders/shared/messaging'
import { deliveryOf, digested, standingOf, type Telling, withStanding } from '../deliveries/domain.ts'
import type { Notification } from '../domain.ts'
import { templateFiles } from '../rendering/store.ts'
import { contextOf, gatheringOf } from '../rules/context.ts'
import { DIGEST_MAX, digestIdOf, digestOf, inDigests, type Member } from '../rules/digest.ts'
import { plan } from '../rules/plan.ts'
import type { Terms } from '../rules/settings.ts'
import { members, type OpenDigest, windowKey, windows } from '../rules/store.ts'
import { tellings } from '../store.ts'
import { timelines } from '../timelines/store.ts'

/** Joins the open digest, or opens one that closes at `dueAt`. */
export function joined(draft: Draft, notification: Notification, channel: Channel, dueAt: string): OpenDigest {
  const gathering = gatheringOf(notification, channel)
  const key = windowKey(gathering)
  const open = draft.get(windows, key)
  if (open) return open
  const opened = { ...gathering, digestId: digestIdOf(notification.id, channel), dueAt }
  draft.set(windows, key, opened)
  return opened
}

/**
 * What closing this channel's digest reads: its window, its members, and the templates of each member. All members have
 * the same recipient and address, so the reads of the rules are those of the released notification.
 */
export function readsOfGathering(telling: Telling, channel: Channel, terms: Terms, known: Known): Ref[] {
  const { heldBecause, digestId } = standingOf(telling, channel)
  if (heldBecause !== 'digest' || digestId === null) return []
  const ids = known.get(members, digestId) ?? []
  const digests = Array.from({ length: Math.ceil(ids.length / DIGEST_MAX) }, (_, index) => partId(digestId, index))
  return [
    owned(windows, windowKey(gatheringOf(telling.notification, channel))),
    seen(members, digestId),
    ...[...ids, ...digests].map((id) => owned(tellings, id)),
    ...ids.flatMap((id) => readsOfMember(known.get(tellings, id), terms)),
  ]
}

/** The timeline of its order, and the template files of its version. */
function readsOfMember(telling: Telling | undefined, { templates }: Terms): Ref[] {
  if (!telling) return []
  const { orderId, words } = telling.notification
  return [
    ...(orderId === null ? [] : [owned(timelines, orderId)]),
    ...(words.version === templates.current.version ? [] : [seen(templateFiles, words.version)]),
  ]
}

const partId = (digestId: string, index: number) => (index === 0 ? digestId : `${digestId}.${index + 1}`)

/** Closes the due digests for which this notification waits, and takes in the digests' own notifications. */
export function gatherDue(
  draft: Draft,
  id: string,
  at: string,
  terms: Terms,
  takeIn: (digest: Notification) => Message[],
): Message[] {
  const telling = draft.get(tellings, id)
  const waiting = Object.entries(telling?.standings ?? {}).filter(
    ([, { status, dueAt, heldBecause }]) => status === 'held' && (dueAt ?? '') <= at && heldBecause === 'digest',
  )
  return waiting.flatMap(([channel, { digestId }]) =>
    telling && digestId !== null
      ? // `Object.entries` loses the key's type.
        gather(draft, gatheringOf(telling.notification, channel as Channel), digestId, { at, terms, takeIn })
      : [],
  )
}

interface Closing {
  at: string
  terms: Terms
  takeIn(digest: Notification): Message[]
}

/** Does nothing if another copy has closed the window: that copy has handled its members. */
function gather(
  draft: Draft,
  gathering: ReturnType<typeof gatheringOf>,
  digestId: string,
  { at, terms, takeIn }: Closing,
): Message[] {
  const key = windowKey(gathering)
  const open = draft.get(windows, key)
  if (open?.digestId !== digestId || open.dueAt > at) return []
  draft.set(windows, key, null)
  const { channel } = gathering
  return inDigests(wantedMembers(draft, digestId, channel, at, terms)).flatMap((part, index) => {
    const id = partId(digestId, index)
    const said = part.map(({ notification }) => joining(draft, notification.id, channel, id, at))
    return [...said, ...takeIn(digestOf(id, gathering, part, terms.style, at))]
  })
}

function joining(draft: Draft, id: string, channel: Channel, digestId: string, at: string): Message {
  const telling = draft.get(tellings, id)
  if (!telling) throw new Error(`${id} is in a digest, and is not there`)
  draft.set(tellings, id, withStanding(telling, channel, { status: 'digested', digestId, updatedAt: at }))
  return digested(deliveryOf(telling, channel), digestId, at)
}

/**
 * The members to include: still held, and neither ended nor superseded by the rules. The others, and a member that
 * would be alone in its digest, are released on their own.
 */
function wantedMembers(draft: Draft, digestId: string, channel: Channel, at: string, terms: Terms): Member[] {
  const { templates } = terms
  const ids = draft.get(members, digestId) ?? []
  return ids.flatMap((id) => {
    const telling = draft.get(tellings, id)
    if (telling === undefined || standingOf(telling, channel).status !== 'held') return []
    const { notification } = telling
    const context = contextOf(draft, notification, [channel], { now: at, terms, telling })
    const [planned] = plan(notification, [channel], context)
    if (planned?.step.kind === 'end' || planned?.step.kind === 'supersede') return []
    const { version } = notification.words
    const files = version === templates.current.version ? undefined : draft.get(templateFiles, version)
    return [{ notification, said: templates.setOf(version, files).render(notification.words) }]
  })
}
