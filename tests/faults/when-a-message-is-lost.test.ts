// A queue that somebody purges: nobody will ever handle what was in it, and no dead letter tells. The audit knows what should
// have followed, of which orders, and says the recorded facts again.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { AUDIT_GAP_AFTER_MS: '1000' } })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

interface Gaps {
  gaps: { orderId: string; after: string; service: string; status: string; nextStep: string | null }[]
  hops: { hop: string; count: number; status: string; nextStep: string | null }[]
  behind: number
}
const gapsNow = () => system.get<Gaps>('/audit/gaps', 'audit')
const HOP = 'inventory.reserved → payment.success or payment.failed or payment.confirmation_required'

it('the orders are listed, with the hop that lost them, and one command brings all of them to their end', async () => {
  await system.kill('payment')
  const forms = Array.from({ length: 20 }, (_, number) => orderForm('lost', number * 10))
  await placeAll(system, forms)
  const ids = forms.map(({ orderId }) => orderId)
  await eventually('all wait for payment', async () => ((await vhost.waiting())['payment.queue'] ?? 0) === ids.length)
  await withChannel(vhost.amqpUrl, async (channel) => channel.purgeQueue('payment.queue'))
  await system.start('payment')

  // On a busy machine something else may be late as well for a while.
  const listed = await eventually('all are overdue, and nothing else', async () => {
    const answer = await gapsNow()
    return answer.hops.length === 1 && answer.hops[0]?.hop === HOP && answer.hops[0].count === ids.length && answer
  })
  expect(listed.hops.find(({ hop }) => hop === HOP)).toMatchObject({
    status: 'missing',
    nextStep: 'POST /audit/gaps/resay',
  })
  expect(
    listed.gaps
      .filter(({ service }) => service === 'payment')
      .map(({ orderId }) => orderId)
      .sort(),
  ).toEqual([...ids].sort())
  expect(listed.gaps.find(({ orderId }) => orderId === ids[0])).toMatchObject({
    after: 'inventory.reserved',
    status: 'missing',
    nextStep: `POST /audit/orders/${ids[0]}/resay`,
  })

  const asked = { hop: HOP, operator: 'ann', reason: 'payment.queue was purged' }
  const refused = await system.post('/audit/gaps/resay', { ...asked, expected: 19 }, 'audit')
  expect(refused).toMatchObject({ status: 409, body: { code: 'other_count' } })
  const one = await system.post(`/audit/orders/${ids[0]}/resay`, { operator: 'ann', reason: 'one first' }, 'audit')
  expect(one).toMatchObject({ status: 200, body: { said: [`${ids[0]}/inventory.reserved`] } })
  await endedAll(system, ids.slice(0, 1), 30_000)
  const isOneLess = async () => (await gapsNow()).hops.some(({ hop, count }) => hop === HOP && count === 19)
  await eventually('one less is overdue', isOneLess)
  const all = await system.post('/audit/gaps/resay', { ...asked, expected: 19 }, 'audit')
  expect(all).toMatchObject({ status: 200, body: { said: 19 } })
  await endedAll(system, ids, 30_000)
  for (const id of ids) await wholeStory(system, id)
  await eventually('nothing is overdue', async () => (await gapsNow()).hops.length === 0)
}, 180_000)

it('of an order that waits for nothing there is nothing to say again', async () => {
  const unknown = await system.post('/audit/orders/none/resay', { operator: 'ann', reason: 'to try' }, 'audit')
  expect(unknown).toMatchObject({ status: 409, body: { code: 'nothing_to_say' } })
})
