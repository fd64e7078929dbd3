// Where to connect and how long to wait: the pure parts of the supervisor, and its end when nobody answers.
import { createServer } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventually, keepingLog } from '../../testing/index.ts'
import { brokerUrls } from '../../topology/broker-urls.ts'
import { backoffMs, supervise } from '../connection.ts'

describe('backoffMs', () => {
  it('grows to ten seconds, jittered, and is never shorter than a tenth of one', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const ms = backoffMs(attempt, random)
        expect(ms).toBeGreaterThanOrEqual(100)
        expect(ms).toBeLessThanOrEqual(Math.min(10_000, 200 * 2 ** attempt))
        expect(Number.isInteger(ms)).toBe(true)
      }),
    )
    expect(backoffMs(20, 1)).toBe(10_000)
  })
})

describe('brokerUrls', () => {
  it.each([
    ['amqp://guest:guest@localhost:5672', ['amqp://guest:guest@localhost:5672']],
    ['amqp://localhost', ['amqp://localhost']],
    ['amqps://u:p@one:5671/orders', ['amqps://u:p@one:5671/orders']],
    ['amqp://u:p@one,two:5673/v', ['amqp://u:p@one/v', 'amqp://u:p@two:5673/v']],
    ['amqp://u:p@one/v,amqp://u:q@two/w', ['amqp://u:p@one/v', 'amqp://u:q@two/w']],
    ['amqp://u:p@one/v, amqp://u:q@two/w', ['amqp://u:p@one/v', 'amqp://u:q@two/w']],
    ['amqp://one,two,three', ['amqp://one', 'amqp://two', 'amqp://three']],
    ['amqp://one, two', ['amqp://one', 'amqp://two']],
    ['amqp://one,', ['amqp://one']],
    ['amqp://u:p%2C%40@one/%2Fdev?heartbeat=5', ['amqp://u:p%2C%40@one/%2Fdev?heartbeat=5']],
    ['amqp://[::1]:5672/v', ['amqp://[::1]:5672/v']],
  ])('reads %s', (text, urls) => {
    expect(brokerUrls(text)).toEqual(urls)
  })

  it.each(['', 'localhost:5672', 'http://localhost', 'amqp://', 'amqp://u:p@', 'amqp://u:p@/v', 'amqp://,'])(
    'refuses %j with what it should look like, and without repeating a password',
    (text) => {
      expect(() => brokerUrls(text)).toThrow(/AMQP_URL must look like amqp:\/\/user:password@host:5672\/vhost$/)
    },
  )
})

describe('a supervisor', () => {
  const options = async (urls: string[]) => ({
    urls,
    name: 'test',
    heartbeatSeconds: 1,
    log: (await keepingLog()).log,
    open: async () => undefined,
    lost: () => undefined,
    broken: () => undefined,
  })

  /** Takes the connection and hangs up, as what is no broker does; `called` hears of it. */
  async function hangingUp(called: () => void): Promise<string> {
    const server = createServer((socket) => {
      called()
      socket.destroy()
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const address = server.address()
    return `amqp://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  }

  it('says why it is not connected, tries every host, and closes at once', async () => {
    const hosts: number[] = []
    const servers = await Promise.all([0, 1].map((number) => hangingUp(() => hosts.push(number))))
    const supervisor = supervise(await options(servers))
    expect(supervisor.status()).toEqual({ fault: 'connecting', blocked: false })

    await eventually('both hosts are tried', () => hosts.includes(0) && hosts.includes(1))

    expect(supervisor.status().fault).toBeTypeOf('string')
    await supervisor.close()
  })

  it('begins with any of the hosts, so that many spread over them', async () => {
    const begunWith = new Set<number>()
    let isFirst = true
    const begin = (number: number) => {
      if (isFirst) begunWith.add(number)
      isFirst = false
    }
    const servers = await Promise.all([0, 1].map((number) => hangingUp(() => begin(number))))
    // That forty begin with the same one happens once in 2^39 times.
    for (let count = 0; count < 40 && begunWith.size < 2; count++) {
      isFirst = true
      const supervisor = supervise(await options(servers))
      await eventually('a host is tried', () => !isFirst)
      await supervisor.close()
    }
    expect(begunWith).toEqual(new Set([0, 1]))
  })

  it('closes within its time limit although a peer takes the connection and never says a word', async () => {
    const server = createServer((socket) => onTestFinished(() => void socket.destroy()))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const supervisor = supervise(await options([`amqp://127.0.0.1:${port}`]))

    const started = performance.now()
    await supervisor.close()

    expect(performance.now() - started).toBeLessThan(3_000)
  })
})
