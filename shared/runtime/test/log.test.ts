// The log: one JSON line for each outcome, and no address or secret in it.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { keepingLog } from '../../testing/index.ts'

const secrets = {
  email: 'gayal@example.com',
  phone: '+94 77 123 4567',
  push: 'device-token',
  webhook: 'https://hook.example.com/secret',
  contact: { email: 'gayal@example.com' },
  to: 'gayal@example.com',
  shippingAddress: '1 Galle Road',
  paymentMethod: 'tok_visa',
  authorization: 'Bearer operator-token',
}

describe('a log line', () => {
  it('is JSON with its service, its facts and a constant message', async () => {
    const { log, lines } = await keepingLog('order-service')
    log.info({ queue: 'order.queue', subject: 'order-1' }, 'handled')
    expect(lines).toMatchObject([
      { service: 'order-service', queue: 'order.queue', subject: 'order-1', msg: 'handled', level: 30 },
    ])
  })

  it.each([
    ['at the top', secrets],
    ['in an event', { event: secrets }],
    ['in an event’s data', { event: { data: secrets } }],
  ])('shows no address and no secret %s', async (_, fields) => {
    const { log, lines } = await keepingLog()
    log.warn({ orderId: 'order-1', ...fields }, 'handled')
    const text = JSON.stringify(lines)
    expect(text).toContain('order-1')
    expect(text).not.toMatch(/gayal@|\+94|device-token|hook\.example|Galle|tok_visa|operator-token/)
  })

  it('keeps an error’s cause and code', async () => {
    const { log, lines } = await keepingLog()
    const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'SQLITE_FULL' })
    log.error({ err: error }, 'failed')
    expect(lines).toMatchObject([{ err: { message: expect.stringContaining('outer'), code: 'SQLITE_FULL' } }])
    expect(JSON.stringify(lines)).toContain('inner')
  })

  it('is there before the next step is taken, so that a process that is killed has said it', () => {
    const program = fileURLToPath(new URL('killed-process.ts', import.meta.url))
    const killed = spawnSync(process.execPath, ['--import', 'tsx', program])
    expect(killed.signal).toBe('SIGKILL')
    const lines = String(killed.stdout).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ line: 1 }, { line: 2 }, { line: 3 }])
  })
})
