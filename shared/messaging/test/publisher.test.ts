// Publishing with confirms, at the moments that no broker can be made to choose: nothing is forgotten but by its confirm.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepingLog } from '../../testing/index.ts'
import type { Publication } from '../broker.ts'
import { createPublisher } from '../publisher.ts'
import { publishUntilTaken } from '../until-taken.ts'
import { FakeConfirmChannel, fakeSession } from './fake-amqp.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const publication = (id: string, routingKey = 'a.fact'): Publication => ({
  exchange: 'facts',
  routingKey,
  body: Buffer.from(id),
  properties: { messageId: id, headers: {} },
})

async function rig() {
  const { log, lines } = await keepingLog()
  const state = { blocked: false }
  const publisher = createPublisher(log, () => state.blocked)
  const confirmed: string[] = []
  const refused: string[] = []
  const publish = (...ids: string[]) => {
    for (const id of ids)
      publisher.publish(publication(id)).then(
        () => confirmed.push(id),
        (error: { code: string }) => refused.push(`${id} ${error.code}`),
      )
  }
  const attach = () => {
    const channel = new FakeConfirmChannel()
    const session = fakeSession()
    publisher.attach(session, channel.asChannel())
    return { channel, session }
  }
  /** Lets what is settled be told. */
  const told = async () => {
    await vi.advanceTimersByTimeAsync(0)
    return confirmed
  }
  return { publisher, publish, attach, confirmed, refused, told, state, lines }
}

describe('publishing', () => {
  it('is done by the confirm and by nothing before it', async () => {
    const { publish, attach, told, publisher } = await rig()
    const { channel } = attach()
    publish('a', 'b')
    expect(channel.sent.map(({ options }) => [options.mandatory, options.persistent])).toEqual([
      [true, true],
      [true, true],
    ])
    expect(await told()).toEqual([])
    expect(publisher.unconfirmed()).toBe(2)

    channel.confirmAll()

    expect(await told()).toEqual(['a', 'b'])
    expect(publisher.unconfirmed()).toBe(0)
  })

  it('waits for a connection, and keeps its order', async () => {
    const { publish, attach } = await rig()
    publish('a', 'b', 'c')
    expect(attach().channel.bodies()).toEqual(['a', 'b', 'c'])
  })

  it('pauses while the socket is full, and goes on with the drain', async () => {
    const { publish, attach } = await rig()
    const { channel } = attach()
    channel.hasRoom = false
    publish('a', 'b', 'c')
    expect(channel.bodies()).toEqual(['a'])
    channel.hasRoom = true
    channel.emit('drain')
    expect(channel.bodies()).toEqual(['a', 'b', 'c'])
  })

  it('has a bound of what is unconfirmed at one time', async () => {
    const { publish, attach, publisher } = await rig()
    const { channel } = attach()
    publish(...Array.from({ length: 2_500 }, (_, number) => String(number)))
    expect(channel.sent).toHaveLength(2_000)
    expect(publisher.unconfirmed()).toBe(2_500)
    channel.confirmAll()
    expect(channel.sent).toHaveLength(500)
  })
})

describe('a session that ends', () => {
  it('hands all that is unconfirmed to the next, at once and in its order', async () => {
    const { publisher, publish, attach, told } = await rig()
    const first = attach()
    publish('a', 'b')
    first.channel.sent.shift()?.confirm(null)
    first.channel.close()
    publisher.detach()
    publish('c')
    expect(attach().channel.bodies()).toEqual(['b', 'c'])
    expect(await told()).toEqual(['a'])
  })

  it('under a flood does not send on the channel that is just closing, nor let that end the process', async () => {
    const { publisher, publish, attach, told } = await rig()
    const ids = Array.from({ length: 2_100 }, (_, number) => String(number))
    const first = attach()
    publish(...ids)

    expect(() => first.channel.close()).not.toThrow()
    publisher.detach()

    const second = attach()
    expect(second.channel.sent).toHaveLength(2_000)
    second.channel.confirmAll()
    second.channel.confirmAll()
    expect(await told()).toEqual(ids)
  })

  it('by a channel that closed a moment ago costs nothing that is published in that moment', async () => {
    const { publisher, publish, attach, told } = await rig()
    const first = attach()
    first.channel.isClosed = true

    expect(() => publish('a', 'b')).not.toThrow()
    expect(first.session.reasons).toEqual(['Channel closed'])

    publisher.detach()
    const second = attach()
    expect(second.channel.bodies()).toEqual(['a', 'b'])
    second.channel.confirmAll()
    expect(await told()).toEqual(['a', 'b'])
  })

  it('settles nothing any more by late confirms of its own', async () => {
    const { publisher, publish, attach, told } = await rig()
    const { channel } = attach()
    publish('a')
    publisher.detach()
    channel.confirmAll()
    expect(await told()).toEqual([])
    expect(publisher.unconfirmed()).toBe(1)
  })
})

describe('an unroutable message', () => {
  const returning = (channel: FakeConfirmChannel, id: string) =>
    channel.emit('return', { properties: { messageId: id }, content: Buffer.from(id) })

  it('is not taken for published by the ack that follows its return', async () => {
    const { publish, attach, told, refused } = await rig()
    const first = attach()
    publish('lost', 'kept')
    returning(first.channel, 'lost')
    first.channel.confirmAll()

    expect(await told()).toEqual(['kept'])
    expect(refused).toEqual(['lost refused'])
    expect(first.session.reasons).toEqual(["no queue is bound for a.fact on 'facts'"])
  })

  it('is given back as well when the session ends between its return and its ack', async () => {
    const { publisher, publish, attach, told, refused } = await rig()
    const first = attach()
    publish('lost')
    returning(first.channel, 'lost')
    publisher.detach()
    await told()
    expect(refused).toEqual(['lost refused'])
    expect(attach().channel.bodies()).toEqual([])
  })
})

describe('a message that is refused', () => {
  const nack = new Error('message nacked')
  const refuseAll = (channel: FakeConfirmChannel) => {
    const sent = channel.sent.splice(0)
    for (const one of sent) one.confirm(nack)
    return sent.length
  }

  it('is given back, and its route is known until it takes one again', async () => {
    const { publisher, attach } = await rig()
    const { channel } = attach()
    const publishing = publisher.publish(publication('a'))
    refuseAll(channel)
    await expect(publishing).rejects.toMatchObject({ code: 'refused', message: "the broker refuses a.fact on 'facts'" })
    expect([publisher.unconfirmed(), publisher.refused()]).toEqual([0, ['facts a.fact']])
    const second = publisher.publish(publication('a'))
    channel.confirmAll()
    await second
    expect(publisher.refused()).toEqual([])
  })

  it('is offered ever more rarely to whoever goes on until it is taken, and holds back no other', async () => {
    const { publisher, publish, attach, told } = await rig()
    const { channel } = attach()
    const tried = publishUntilTaken(publisher, publication('full', 'full'))
    refuseAll(channel)
    const tries: number[] = []
    for (let second = 1; second <= 100; second++) {
      await vi.advanceTimersByTimeAsync(1_000)
      if (refuseAll(channel) > 0) tries.push(second)
    }
    expect(tries).toEqual([1, 3, 7, 15, 31, 61, 91])
    publish('a')
    channel.confirmAll()
    expect(await told()).toEqual(['a'])
    await vi.advanceTimersByTimeAsync(30_000)
    channel.confirmAll()
    await tried
  })

  it('renews its session at first, and not for as long as it lasts', async () => {
    const { publisher, attach } = await rig()
    const { channel, session } = attach()
    publishUntilTaken(publisher, publication('full', 'full')).catch(() => undefined)
    for (let second = 0; second < 100; second++) {
      refuseAll(channel)
      await vi.advanceTimersByTimeAsync(1_000)
    }
    expect(session.renewals.length).toBeGreaterThan(1)
    expect(session.renewals.length).toBeLessThanOrEqual(5)
  })
})

describe('a silent broker', () => {
  it('is taken for dead after half a minute', async () => {
    const { publish, attach } = await rig()
    const { session } = attach()
    publish('a')
    await vi.advanceTimersByTimeAsync(29_000)
    expect(session.reasons).toEqual([])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(session.reasons[0]).toBe('no confirm within 30000 ms')
  })

  it('is taken for dead in the same time when the clock is set back, and not before it when it is set forward', async () => {
    const { publish, attach } = await rig()
    const { session } = attach()
    publish('a')
    vi.setSystemTime(Date.now() + 3_600_000)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(session.reasons).toEqual([])
    vi.setSystemTime(Date.now() - 7_200_000)
    await vi.advanceTimersByTimeAsync(11_000)
    expect(session.reasons).toEqual(['no confirm within 30000 ms'])
  })

  it('is not, while it says that it is blocked, nor at once when that is over', async () => {
    const { publish, attach, state } = await rig()
    const { session } = attach()
    publish('a')
    state.blocked = true
    await vi.advanceTimersByTimeAsync(300_000)
    state.blocked = false
    await vi.advanceTimersByTimeAsync(20_000)
    expect(session.reasons).toEqual([])
  })
})

describe('closing', () => {
  it('refuses whatever is unconfirmed, wherever it waits, and whatever comes later', async () => {
    const { publisher, publish, attach, refused, told } = await rig()
    const { channel } = attach()
    publish('sent')
    channel.hasRoom = false
    publish('fills the socket', 'waiting')

    publisher.close()
    publish('late')
    await told()

    const ids = ['fills the socket', 'late', 'sent', 'waiting']
    expect(refused.sort()).toEqual(ids.map((id) => `${id} broker_closed`))
  })
})
