// The choreography keeps its promises in every order of arrival; and a model that objected to nothing would be found out: one mutant of
// each kind is made, and must be found. `npm run model -- --mutants` makes all of them.
import { scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Choreography, readChoreography } from './choreography.ts'
import { explore } from './explore.ts'
import { judge } from './judge.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { requireTools, type Tools } from './spin.ts'

const signal = AbortSignal.timeout(600_000)
let choreography: Choreography
let tools: Tools
let mutants: Mutant[]
let folder: Awaited<ReturnType<typeof scratchFolder>>

beforeAll(async () => {
  folder = await scratchFolder()
  tools = await requireTools(console.error, signal)
  choreography = await readChoreography()
  mutants = mutantsOf(choreography, await explore(choreography))
})
afterAll(() => folder.remove())

it('those who take part are found by who hears whom', () => {
  expect(choreography.participants.map(({ noun }) => noun)).toEqual(['order', 'inventory', 'payment', 'shipping'])
})

it('every order keeps every promise, and comes to its end', async () => {
  const { story, explored, verdict } = await judge(choreography, folder.path, tools, signal)
  expect(story).toEqual([])
  const messages = explored.signals.filter(({ kind }) => kind === 'message')
  expect(new Set(messages.map(({ message }) => message.type)).size).toBeGreaterThan(20)
  expect(verdict.states).toBeGreaterThan(10_000)
})

describe('a mistake is told as the story of an order', () => {
  it.each([
    ['payment.queue is not bound to inventory.reserved', 'every order ends, completed or cancelled'],
    ['inventory.queue is not bound to payment.failed', 'a cancelled order has its goods back in stock'],
    ['inventory has no handler for payment.success', 'no published message becomes a dead letter'],
    ['nothing comes back from payment.deadline.queue', 'every order ends, completed or cancelled'],
    ['payment does not look for what is overdue', 'every order ends, completed or cancelled'],
    ['payment.queue is not bound to order.cancel_requested', 'no payment can fail with cancelled_by_customer'],
  ])('%s', async (name, promise) => {
    const mutant = mutants.find((one) => one.name === name)
    if (!mutant) throw new Error(`there is no such mutant: ${mutants.map((one) => one.name).join('\n')}`)
    const { broken, story } = await judge(mutant.made(choreography), folder.path, tools, signal)
    expect([broken, story.length > 0]).toEqual([promise, true])
  })

  it('a second writer of a fork', async () => {
    const [first] = mutants.filter(({ kind }) => kind === 'second writer')
    const { broken } = await judge(first?.made(choreography) ?? choreography, folder.path, tools, signal)
    expect(broken).toMatch(/at most one is published$|no event is published again with other content$/)
  })
})
