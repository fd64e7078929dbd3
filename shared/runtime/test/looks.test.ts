// Whoever asks for a look gets one that has seen what was there when they asked.
import { expect, it, onTestFinished } from 'vitest'
import { lookEvery } from '../looks.ts'

/** Looks at `there` that end when they are told to. */
function watched() {
  const there: string[] = []
  const seen: string[][] = []
  const ends: (() => void)[] = []
  const failures: string[] = []
  const look = async () => {
    const found = [...there]
    await new Promise<void>((resolve) => ends.push(resolve))
    seen.push(found)
    if (found.includes('fault')) throw new Error('broken')
  }
  const looks = lookEvery(60_000, look, ({ message }) => failures.push(message))
  onTestFinished(() => {
    for (const end of ends) end()
    return looks.close()
  })
  const endNext = () => ends.shift()?.()
  return { there, seen, looks, endNext, failures, underWay: () => ends.length }
}

const turn = () => new Promise(setImmediate)

it('what comes while a look is under way is seen by one more look, however many ask', async () => {
  const { there, seen, looks, endNext, underWay } = watched()
  const first = looks.now()
  there.push('row')
  const asked = Promise.all([looks.now(), looks.now(), looks.now()])
  endNext()
  await first
  await turn()
  expect(seen).toEqual([[]])
  expect(underWay()).toBe(1)
  endNext()
  await asked
  expect(seen).toEqual([[], ['row']])
  await turn()
  expect(underWay()).toBe(0)
})

it('a look that fails is told once, and those who asked for the next get it', async () => {
  const { there, seen, looks, endNext, failures } = watched()
  there.push('fault')
  const first = looks.now()
  const second = looks.now()
  endNext()
  await first
  await turn()
  endNext()
  await second
  expect(failures).toEqual(['broken'])
  expect(seen).toHaveLength(2)
})

it('after the close none begins, and whoever has asked is let go', async () => {
  const { seen, looks, endNext, underWay } = watched()
  const first = looks.now()
  const second = looks.now()
  const closing = looks.close()
  endNext()
  await Promise.all([first, second, closing])
  await looks.now()
  expect(seen).toHaveLength(1)
  expect(underWay()).toBe(0)
})
