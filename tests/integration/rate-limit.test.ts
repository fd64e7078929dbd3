// One client's rate is counted in Redis for all copies of a service, and nobody is kept out when Redis is away.
import { isDeepStrictEqual } from 'node:util'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { eventually, keepingLog, type LogLine, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { inventoryService } from '../../inventory-service/service.ts'
import { type RedisServer, startRedis } from '../../scripts/redis/server.ts'
import { ask } from '../support/requests.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const TOKENS = Array.from({ length: 100 }, (_, number) => `a-token-of-operator-${number}`)
const PER_MINUTE = 10

let redis: RedisServer
let vhost: Vhost

beforeAll(async () => {
  redis = await startRedis()
  vhost = await createVhost()
}, 120_000)

afterAll(async () => {
  await redis?.stop()
  await vhost?.remove()
}, 60_000)

async function startCopy(dataDir: string): Promise<{ service: RunningService; lines: LogLine[] }> {
  const config = readConfig(inventoryService.config, {
    AMQP_URL: vhost.amqpUrl,
    DATA_DIR: dataDir,
    OPERATOR_TOKENS: TOKENS.join(','),
    RATE_LIMIT_PER_MINUTE: String(PER_MINUTE),
    REDIS_URL: redis.url,
    TRUST_PROXY: 'loopback',
  })
  const { log, lines } = await keepingLog()
  const broken = (error: Error) => {
    throw error
  }
  const service = await startService(inventoryService, { ...config, portBase: 0 }, { log, broken })
  return { service, lines }
}

async function startCopies() {
  const folder = await scratchFolder()
  const copies = [await startCopy(folder.path), await startCopy(folder.path)]
  onTestFinished(async () => {
    for (const { service } of copies) expect(await service.close()).toEqual({ clean: true })
    await folder.remove()
  })
  const lines = () => copies.flatMap((copy) => copy.lines)
  /** To the copies in turn. */
  const asTimes = async (times: number, headers: Record<string, string>) => {
    const statuses: number[] = []
    for (let time = 0; time < times; time++) {
      const answer = await ask(`${copies[time % copies.length]?.service.url}/stock`, { headers })
      statuses.push(answer.status)
    }
    return statuses
  }
  return { lines, asTimes }
}

type Headers = Record<string, string>

const withToken = (client: number): Headers => ({ authorization: `Bearer ${TOKENS[client]}` })
const byAddress = (client: number): Headers => ({ 'x-forwarded-for': `192.0.2.${client}` })

/**
 * A client is told `first` as often as it may ask, and then that it is too often. On a busy machine Redis may answer too late
 * to be waited for, and a request goes uncounted: then the next client is tried.
 */
async function expectCounted(
  asTimes: (times: number, headers: Headers) => Promise<number[]>,
  first: number,
  headersOf: (client: number) => Headers,
): Promise<void> {
  const expected = [...Array<number>(PER_MINUTE).fill(first), 429, 429]
  let client = 0
  await eventually(`${PER_MINUTE} times ${first}, and then 429`, async () =>
    isDeepStrictEqual(await asTimes(expected.length, headersOf(client++)), expected),
  )
}

it('counts together what a client asks of two processes, and apart what others ask', async () => {
  const { asTimes } = await startCopies()
  await expectCounted(asTimes, 200, withToken)
  // Without a token by address, each for itself; what is wrongly guessed is counted as well.
  const guess = { authorization: 'Bearer not-a-token-of-anybody' }
  await expectCounted(asTimes, 401, (client) => ({ ...guess, ...byAddress(client) }))
  expect(await asTimes(2, byAddress(200))).toEqual([401, 401])
})

it('lets everybody in while Redis is away, says so once, and counts again afterwards', async () => {
  const { asTimes, lines } = await startCopies()
  await redis.stop()
  const away = () => lines().filter(({ msg }) => msg === 'redis is not reachable: there is no rate limit')
  await eventually('both processes have noticed', () => away().length === 2)
  expect(new Set(await asTimes(PER_MINUTE * 2, withToken(0)))).toEqual(new Set([200]))
  expect(away()).toHaveLength(2)

  await redis.restart()
  await eventually('both are connected again', () => lines().filter(({ msg }) => msg === 'redis is back').length === 2)
  await expectCounted(asTimes, 200, (client) => withToken(client + 50))
})
