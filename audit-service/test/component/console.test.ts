// The operator console is open, holds no data and nothing inline; what it shows, it asks of routes that need a token.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { events, topology } from '@orders/shared/contracts'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { auditService } from '../../service.ts'

const read = (name: string) => readFileSync(join(import.meta.dirname, '..', '..', 'console', name), 'utf8')
const html = read('index.html')
const script = read('console.js')
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)

describe('what is served', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>
  let service: RunningService

  beforeEach(async () => {
    scratch = await scratchFolder()
    const config = {
      ...readConfig(AuditConfig, { DATA_DIR: scratch.path, OPERATOR_TOKENS: 'a-token-of-an-operator' }),
      portBase: 0,
    }
    const { log } = await keepingLog('audit-service')
    service = await startService(auditService, config, {
      log,
      openBroker: (name) => createMemoryBroker(topology).connect(name),
      broken: (error) => {
        throw error
      },
    })
  })
  afterEach(async () => {
    expect(await service.close()).toEqual({ clean: true })
    await scratch.remove()
  })

  it.each([
    ['/', 'text/html; charset=utf-8', 'index.html'],
    ['/console.css', 'text/css; charset=utf-8', 'console.css'],
    ['/console.js', 'text/javascript; charset=utf-8', 'console.js'],
  ])('%s is open, and may do nothing but show itself', async (path, type, name) => {
    const answer = await fetch(service.url + path)
    expect([answer.status, await answer.text()]).toEqual([200, read(name)])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    })
    const policy = answer.headers.get('content-security-policy') ?? ''
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining(["default-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]),
    )
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
  })

  it.each(['/audit/events', '/audit/orders/123', '/audit/verify'])('%s needs the token', async (path) => {
    expect((await fetch(service.url + path)).status).toBe(401)
    const authorization = { authorization: 'Bearer another' }
    expect((await fetch(service.url + path, { headers: authorization })).status).toBe(401)
  })
})

describe('the page', () => {
  it('has nothing inline, and nothing from elsewhere', () => {
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i)
    expect(all(html, /<script([^>]*)>/g)).toEqual([' type="module" src="/console.js"'])
    expect(all(html, /<script[^>]*>([^<]+)</g)).toEqual([])
    const sources = all(html, /\s(?:src|href)="([^"#]+)"/g).filter(
      (source) => !source.startsWith('data:image/svg+xml,'),
    )
    expect(sources).toEqual(['/console.css', '/console.js'])
    expect(read('console.css')).not.toMatch(/@import|url\(/)
  })

  it('has every element that the script looks up, once', () => {
    const ids = all(html, /\sid="([^"]+)"/g)
    expect(ids).toEqual([...new Set(ids)])
    const wanted = all(script, /byId\('([^']+)'/g)
    expect(wanted.length).toBeGreaterThan(20)
    expect(wanted.filter((id) => !ids.includes(id))).toEqual([])
    expect(all(html, /\sfor="([^"]+)"/g).filter((id) => !ids.includes(id))).toEqual([])
  })

  it('lets people choose among the types that there are', () => {
    expect(all(html, /<option>([^<]+)</g).sort()).toEqual([...events.keys()].sort())
  })

  it('never makes HTML of text', () => {
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/)
  })
})
