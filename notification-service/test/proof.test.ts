// When a provider's word is enough to suppress an address, and when it calls too many gone.
import { join } from 'node:path'
import type { Work } from '@orders/shared/messaging'
import { migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createProof, releaseStop } from '../channels/proof.ts'
import { listStops } from '../channels/store.ts'

async function opened() {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  const database = openSqlite(join(scratch.path, 'proof.db'))
  onTestFinished(() => database.close())
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
  const { log, lines } = await keepingLog('notification-service')
  const clock = { now: '2026-11-21T08:30:00.000Z' }
  const submit = async <T>(work: Work<T>) => (await decideAlone(database, work)).result
  const copy = () => createProof({ database, commit: { submit }, log, now: () => new Date(clock.now), shareMax: 10 })
  return { copy, clock, database, submit, lines }
}

/** How many of `wanted` addresses are believed to be gone. */
async function believed(proof: ReturnType<typeof createProof>, wanted: number): Promise<number> {
  let count = 0
  for (let number = 0; number < wanted; number++) if (await proof.accepts('fcm')) count += 1
  return count
}

it('a provider that calls everything gone is believed ten times, then no more, by any copy, until it is released', async () => {
  const { copy, clock, database, submit, lines } = await opened()
  const proof = copy()
  expect(await believed(proof, 50)).toBe(10)
  expect(await listStops(database)).toMatchObject([{ provider: 'fcm', gone: 11, releasedAt: null }])
  expect(lines.filter(({ level }) => level === 40)).toHaveLength(1)
  expect(await believed(copy(), 1)).toBe(0)
  clock.now = '2026-11-21T12:00:00.000Z'
  expect(await believed(proof, 1)).toBe(0)
  await submit(releaseStop('fcm', clock.now))
  expect(await believed(proof, 50)).toBe(10)
})

it('a share within the limit is believed, of the last hour only', async () => {
  const { copy, clock } = await opened()
  const proof = copy()
  for (let number = 0; number < 500; number++) proof.answered('fcm')
  expect(await believed(proof, 60)).toBe(50)
  const later = copy()
  for (let number = 0; number < 500; number++) later.answered('apns')
  clock.now = '2026-11-21T09:30:00.000Z'
  expect(await later.accepts('apns')).toBe(true)
})

it('who only tells of what others took is measured by what they took', async () => {
  const { copy } = await opened()
  const proof = copy()
  for (let number = 0; number < 300; number++) proof.answered('smtp')
  expect(await believed(proof, 40)).toBe(30)
})
