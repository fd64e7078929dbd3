// The network between the services and the broker drops every packet and closes nothing, then works again; or it cuts
// every connection, over and over. HTTP goes on, the services reconnect, and every order ends.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { metric } from '../support/metrics.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { CLAIMS_END_WITHIN_MS, wholeStory } from '../support/story.ts'
import { type ServiceName, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'
import { startWire, type Wire } from '../support/wire.ts'

const ORDERS = 100
const CUTS = 5

let vhost: Vhost
let wire: Wire
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  wire = await startWire(vhost.amqpUrl)
  // In seconds; the usual one suits people, not tests.
  system = await startSystem({ amqpUrl: `${wire.amqpUrl}?heartbeat=2` })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await wire?.close()
  await vhost?.remove()
}, 60_000)

it('frozen: the services notice by the heartbeat, take orders all the same, and go on when it works again', async () => {
  const initial = await stockOf(system)
  const before = Array.from({ length: ORDERS }, (_, number) => orderForm('frozen', number))
  const meanwhile = Array.from({ length: 20 }, (_, number) => orderForm('meanwhile', number))
  const placing = placeAll(system, before)
  await eventually('orders are under way', async () => (await system.order('frozen-0')).status === 'completed')
  wire.freeze()
  await placing
  await placeAll(system, meanwhile)
  expect(await system.order('meanwhile-0')).toMatchObject({ status: 'created' })
  for (const service of serviceNames) {
    await eventually(`${service}-service knows`, async () => (await metric(system, service, 'broker_usable')) === 0)
    expect(await readiness(service)).toMatchObject({ status: 503, detail: expect.stringMatching(/^broker: ./) })
    // Said only when the old connection could not be closed properly either.
    await eventually(`${service}-service has said why`, async () =>
      (await system.log(service)).some(
        ({ msg, why }) => msg === 'connection lost, reconnecting' && why === 'Heartbeat timeout',
      ),
    )
  }

  wire.heal()
  await expectAllEnded([...before, ...meanwhile], initial)
}, 180_000)

it('cut again and again under load: the services reconnect each time, and nothing is lost or doubled', async () => {
  const initial = await stockOf(system)
  const forms = Array.from({ length: ORDERS }, (_, number) => orderForm('cut', number))
  const placing = placeAll(system, forms)
  for (let time = 1; time <= CUTS; time++) {
    // Each time some more have come through, so that the connections are there to be cut.
    await system.ended(`cut-${time * 15}`)
    wire.cut()
  }
  await placing
  await expectAllEnded(forms, initial)
  for (const service of serviceNames) {
    const lost = (await system.log(service)).filter(({ msg }) => msg === 'connection lost, reconnecting')
    expect(lost.length).toBeGreaterThan(2)
  }
}, 180_000)

async function readiness(service: ServiceName): Promise<unknown> {
  const answer = await fetch(`${system.url(service)}/health/ready`)
  return answer.json()
}

async function expectAllEnded(
  forms: { orderId: string }[],
  initial: Awaited<ReturnType<typeof stockOf>>,
): Promise<void> {
  const ids = forms.map(({ orderId }) => orderId)
  const orders = await endedAll(system, ids, 45_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completedOf(forms))
  for (const id of ids) await wholeStory(system, id)
  // Somebody may hold a mail of which a copy came again, when the first one had not been acked.
  const isDrained = async () => Object.keys(await vhost.waiting()).length === 0
  await eventually('no message waits anywhere', isDrained, CLAIMS_END_WITHIN_MS)
  await expectAgreement(system, orders, initial)
}
