// Work that is done together: what comes while it is under way, all at once when that is over.
import { expect, it } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import { TransientError } from '../../runtime/errors.ts'
import { together } from '../together.ts'

it('what comes while the first is under way is done together, after it', async () => {
  const groups: (readonly string[])[] = []
  const first = deferred<void>()
  const work = together<string>(async (all) => {
    groups.push(all)
    if (groups.length === 1) await first.promise
  })
  const done = ['1', '2', '3', '4'].map(work)
  expect(groups).toEqual([['1']])
  first.resolve()
  await Promise.all(done)
  expect(groups).toEqual([['1'], ['2', '3', '4']])
  await work('5')
  expect(groups.at(-1)).toEqual(['5'])
})

it('a group that fails is tried one by one, so that only whoever is at fault fails', async () => {
  const groups: (readonly string[])[] = []
  const work = together<string>(async (all) => {
    groups.push(all)
    if (all.includes('bad')) throw new Error('one of them is bad')
  })
  const done = await Promise.allSettled(['1', 'good', 'bad', 'fine'].map(work))
  expect(done.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  expect(groups).toEqual([['1'], ['good', 'bad', 'fine'], ['good'], ['bad'], ['fine']])
})

it('in an outage a group is not tried one by one', async () => {
  const groups: (readonly string[])[] = []
  const work = together<string>(async (all) => {
    groups.push(all)
    throw new TransientError('database_unavailable', 'gone', { isOutage: true })
  })
  const done = await Promise.allSettled(['1', '2', '3'].map(work))
  expect(done.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(groups).toEqual([['1'], ['2', '3']])
})
