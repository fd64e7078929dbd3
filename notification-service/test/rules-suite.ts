// What the rules promise on every database when copies race and die: one test each. A driver's own test file calls it.
import type { Database } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'
import { plainWords } from '../content.ts'
import type { Notification } from '../domain.ts'
import { openCopies, standingsIn } from './copies.ts'
import { style } from './templates.ts'
import { termsWith } from './terms.ts'

const at = '2026-11-21T08:30:00.000Z'
const end = '2026-11-21T08:40:00.000Z'
const terms = termsWith({
  DIGEST_CATEGORIES: 'newsletter',
  DIGEST_SECONDS: '600',
  THROTTLE_MAX: '4',
  THROTTLE_SECONDS: '600',
})

function news(id: string, recipient: string, category = 'newsletter'): Notification {
  return {
    id,
    subject: id,
    orderId: null,
    eventType: 'direct',
    category,
    priority: 4,
    addresses: { email: `${recipient}@example.org` },
    words: plainWords(`News ${id}`, 'It is new.', {}, style),
    createdAt: at,
    customerId: null,
    sendAt: null,
    expiresAt: null,
  }
}

export interface Driver {
  /** Empty, and the same one each time that what it resolves with is called. */
  openAgain(): Promise<() => Database | Promise<Database>>
}

export function rulesSuite(name: string, { openAgain }: Driver): void {
  const copies = async (count: number) => openCopies(count, { at, terms, open: await openAgain() })
  type Copies = Awaited<ReturnType<typeof copies>>

  /** Taken in by all copies at the same time, in turns. */
  const takeInAll = ({ opened }: Copies, all: Notification[]) =>
    Promise.all(all.map((one, index) => opened[index % opened.length]?.takeIn(one)))
  const standing = async ({ first }: Copies, notification: Notification) => {
    const [delivery] = await standingsIn(first.database, notification.id)
    if (!delivery) throw new Error(`${notification.id} has no delivery`)
    return delivery
  }
  const members = (recipients: number, each: number) =>
    Array.from({ length: recipients * each }, (_, index) => news(`n${index}`, `r${index % recipients}`))

  /** Each recipient's messages are in one digest, which was asked for once, and each was said to be in it once. */
  async function expectOneDigestEach(system: Copies, all: Notification[]): Promise<void> {
    const digests = new Map<string, Set<string | null>>()
    for (const one of all) {
      const { status, digestId } = await standing(system, one)
      expect(status).toBe('digested')
      const recipient = one.addresses.email ?? ''
      digests.set(recipient, (digests.get(recipient) ?? new Set()).add(digestId))
    }
    const ids = [...digests.values()].flatMap((found) => [...found])
    expect(ids).toHaveLength(digests.size)
    expect(system.said().sort()).toEqual(
      [
        ...ids.map((id) => `${id}/notification.requested/digest`),
        ...all.map(({ id }) => `${id}/notification.digested/direct.email`),
      ].sort(),
    )
  }
  const digested = ({ said }: Copies, all: Notification[]) =>
    eventually('each is in a digest', () => {
      const found = said().filter((id) => id.includes('/notification.digested/'))
      return found.length >= all.length || undefined
    })

  describe(`the rules on ${name}`, () => {
    it('make one digest of what copies take in at the same time and release at the same time', async () => {
      const system = await copies(2)
      const all = members(8, 4)
      await takeInAll(system, all)
      system.clock.now = end
      for (const copy of system.opened) copy.release()
      await digested(system, all)
      await expectOneDigestEach(system, all)
    })

    it('make the digest once when the copy that makes it is killed before its commit', async () => {
      const system = await copies(2)
      const [first, second] = system.opened
      const all = members(2, 3)
      await takeInAll(system, all)
      const killed = first?.diesBeforeCommit()
      system.clock.now = end
      const releasing = first?.release()
      await eventually('it was killed over the digest', () => (killed?.() ?? 0) > 0 || undefined)
      expect(system.said()).toEqual([])
      expect((await standing(system, all[0] ?? news('', ''))).status).toBe('held')
      second?.release()
      await digested(system, all)
      await expectOneDigestEach(system, all)
      await releasing?.close()
      await expectOneDigestEach(system, all)
    })

    it('make the digest once when the copy that made it is killed after its commit', async () => {
      const system = await copies(2)
      const [first, second] = system.opened
      const all = members(1, 3)
      await takeInAll(system, all)
      first?.diesAfterCommit()
      system.clock.now = end
      const releasing = first?.release()
      await eventually('it is made', async () => {
        const { status } = await standing(system, all[0] ?? news('', ''))
        return status === 'digested' || undefined
      })
      await releasing?.close()
      expect(system.said()).toEqual([])
      second?.release()
      await second?.outbox.sweep()
      await digested(system, all)
      await expectOneDigestEach(system, all)
    })

    it('let no two copies use the same room', async () => {
      const system = await copies(2)
      const all = Array.from({ length: 20 }, (_, index) => news(`t${index}`, 'r', 'tips'))
      // A first one by itself: to write a row anew keeps others waiting anyway, to change it is what has to.
      await takeInAll(system, all.slice(0, 1))
      await takeInAll(system, all.slice(1))
      await eventually('what there is room for is asked for', () => system.said().length >= 4 || undefined)
      const places = await Promise.all(all.map(async (one) => (await standing(system, one)).dueAt))
      const counts = new Map<string | null, number>()
      for (const dueAt of places) counts.set(dueAt, (counts.get(dueAt) ?? 0) + 1)
      expect([...counts.values()]).toEqual([4, 4, 4, 4, 4])
      expect(system.said()).toHaveLength(4)
    })
  })
}
