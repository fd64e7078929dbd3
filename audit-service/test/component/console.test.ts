// The operator console is open, holds no data and nothing inline; what it shows, it asks of routes that need a token.
import { events, orders, topology } from '@orders/shared/contracts'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { knownOf, readConsole } from '../../console.ts'
import { auditService } from '../../service.ts'

const files = readConsole(orders)
const ownScripts = files.filter(({ path }) => path.endsWith('.js') && !path.includes('/packages/'))
const contentOf = (path: string) => files.find((file) => file.path === path)?.content ?? ''
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

  it('every file is open, and may do nothing but show itself', async () => {
    for (const { path, contentType, content } of files) {
      const answer = await fetch(service.url + path)
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, content])
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': contentType,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      })
      const policy = answer.headers.get('content-security-policy') ?? ''
      expect(policy.split('; ')).toEqual(
        expect.arrayContaining(["default-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]),
      )
      expect(policy).not.toMatch(/unsafe|\*|https?:/)
    }
  })

  it('a file is sent again only when it has changed', async () => {
    const { path } = ownScripts[0] ?? { path: '' }
    const etag = (await fetch(service.url + path)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]{22}"$/)
    const ask = async (tag: string) => (await fetch(service.url + path, { headers: { 'if-none-match': tag } })).status
    expect([await ask(etag), await ask(`"other", W/${etag}`), await ask('"other"')]).toEqual([304, 304, 200])
    expect(new Set(files.map((file) => file.etag)).size).toBe(files.length)
  })

  it.each(['/audit/events', '/audit/orders/123', '/audit/verify', '/audit/gaps'])(
    '%s needs the token',
    async (path) => {
      expect((await fetch(service.url + path)).status).toBe(401)
      const authorization = { authorization: 'Bearer another' }
      expect((await fetch(service.url + path, { headers: authorization })).status).toBe(401)
    },
  )
})

describe('the pages', () => {
  it('have nothing inline, and nothing from elsewhere', () => {
    const html = contentOf('/')
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i)
    expect(all(html, /<script([^>]*)>/g)).toEqual([' type="module" src="/console/app.js"'])
    expect(all(html, /<script[^>]*>([^<]+)</g)).toEqual([])
    const sources = all(html, /\s(?:src|href)="([^"#]+)"/g).filter(
      (source) => !source.startsWith('data:image/svg+xml,'),
    )
    expect(sources.filter((source) => !files.some(({ path }) => path === source))).toEqual([])
    expect(contentOf('/console/console.css')).not.toMatch(/@import|url\(/)
  })

  it('import only what is served, and nothing that is served is left out', () => {
    const imported = ownScripts.flatMap(({ path, content }) =>
      all(content, /^(?:import|\} from)[^'\n]*'([^']+)'/gm).map(
        (name) => new URL(name, `http://console${path}`).pathname,
      ),
    )
    const scripts = files.map(({ path }) => path).filter((path) => path.endsWith('.js') && path !== '/console/app.js')
    expect([...new Set(imported)].sort()).toEqual(scripts.sort())
  })

  it('never make HTML of text', () => {
    for (const { content } of ownScripts)
      expect(content).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/)
  })
})

describe('what they know of the domain', () => {
  const { services, types } = knownOf(orders)
  const known = (wanted: string) => types.find(({ type }) => type === wanted)

  it('is every service and every event', () => {
    expect(services).toEqual(['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'])
    expect(types.map(({ type }) => type).sort()).toEqual([...events.keys()].sort())
  })

  it('is who says and hears each, one channel or several', () => {
    expect(known('payment.success')).toMatchObject({ service: 'payment', heardBy: ['order', 'inventory', 'shipping'] })
    expect(known('notification.requested')).toMatchObject({ service: 'notification', heardBy: ['notification'] })
  })
})
