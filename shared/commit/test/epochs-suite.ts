// How far a database has come, on any database: who published more than it knows of notices, and nobody else.
import { expect, it, onTestFinished } from 'vitest'
import type { TestKernel } from '../../handling/test/kernel.ts'
import { eventually } from '../../testing/index.ts'
import { endEpoch, isBehind, learnMarks, marksOf, openEpoch, RECORDED, recordedAs, recordedIn } from '../epochs.ts'
import { createOutbox } from '../outbox.ts'

const publication = {
  exchange: '',
  routingKey: 'inventory.queue',
  body: Buffer.from('{}'),
  properties: { headers: {} },
}

export function epochsSuite(dialect: string, { openKernel }: { openKernel: () => Promise<TestKernel> }): void {
  it(`${dialect}: copies that start at the same moment open one epoch`, async () => {
    const { database } = await openKernel()
    const epochs = await Promise.all([openEpoch(database), openEpoch(database), openEpoch(database)])
    expect(new Set(epochs).size).toBe(1)
    expect(await marksOf(database)).toEqual([{ epoch: epochs[0], last: 0 }])
  })

  it(`${dialect}: what is published says how far the database had come, and no more than that`, async () => {
    const { database, log, now, memory, broker } = await openKernel()
    const epoch = await openEpoch(database)
    const outbox = createOutbox({
      ...{ database, broker, log, now },
      origin: { service: 'test-service', epoch },
    })
    onTestFinished(outbox.close)
    const recorded = await database.transaction((tx) => outbox.record(tx, [publication, publication, publication]))
    outbox.send(recorded)
    const marks = await eventually('three are published', () => {
      const headers = memory.messages('inventory.queue').map(({ properties }) => properties.headers[RECORDED])
      return headers.length === 3 && headers.map(recordedIn)
    })
    expect(marks.map((mark) => ({ ...mark }))).toEqual(
      recorded.map(({ sequence }) => ({ service: 'test-service', epoch, last: sequence })),
    )
    const confirmed = outbox.takeConfirmed()
    await database.transaction((tx) => confirmed.forget(tx))
    confirmed.ended(true)
    const own = await marksOf(database)
    expect(
      isBehind(
        own,
        marks.flatMap((mark) => mark ?? []),
      ),
    ).toBe(false)
  })

  it(`${dialect}: a copy that was put back is behind what was recorded since, however much it records itself`, async () => {
    const { database, outbox } = await openKernel()
    const record = (count: number) =>
      database.transaction((tx) =>
        outbox.record(
          tx,
          Array.from({ length: count }, () => publication),
        ),
      )
    const epoch = await openEpoch(database)
    await record(2)
    await endEpoch(database)
    const published = [{ epoch, last: 3 }]
    const next = await openEpoch(database)
    await record(5)
    expect(next).not.toBe(epoch)
    const own = await marksOf(database)
    expect(own.toSorted((one, other) => one.last - other.last)).toEqual([
      { epoch, last: 2 },
      { epoch: next, last: 7 },
    ])
    expect(isBehind(own, published)).toBe(true)
    await learnMarks(database, published)
    expect(isBehind(await marksOf(database), published)).toBe(false)
  })
}

it('a new database is behind everything that was ever published', () => {
  expect(isBehind([{ epoch: 'b', last: 9 }], [{ epoch: 'a', last: 1 }])).toBe(true)
  expect(isBehind([{ epoch: 'b', last: 9 }], [])).toBe(false)
})

it('reads only headers that say how far somebody had come', () => {
  const mark = { epoch: '0123456789ab', last: 12 }
  expect(recordedIn(recordedAs('order-service', mark))).toEqual({ service: 'order-service', ...mark })
  for (const other of [undefined, 7, '', 'a/b/c', `a/${mark.epoch}/-1`, `a/${mark.epoch}/1/2`, `A B/${mark.epoch}/1`])
    expect(recordedIn(other)).toBeUndefined()
})
