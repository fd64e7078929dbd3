// Serves the operator console: its files, its security headers, and what it knows of the domain.

import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import type { orders } from '@orders/shared/contracts'
import { keysExchange } from '@orders/shared/messaging'
import { entityTagOf } from '@orders/shared/runtime'

/**
 * Only the page's own files, nothing inline, and no HTML made from text: an event can never become code. The icon is the only
 * `data:` image; it is in the page itself.
 */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
]

export const CONSOLE_HEADERS = {
  'content-security-policy': POLICY.join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

export interface ConsoleFile {
  /** The path of its URL. */
  path: string
  contentType: string
  content: string
  /** Identifies these bytes. */
  etag: string
}

const FOLDER = join(import.meta.dirname, 'console')
const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/** Read once at the start of the service, so that a missing file is noticed then and not by the first visitor. */
export function readConsole(domain: Domain): ConsoleFile[] {
  const own = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => extname(name) in CONTENT_TYPES)
    .map(
      (name) => [name === 'index.html' ? '/' : `/console/${name.replaceAll('\\', '/')}`, join(FOLDER, name)] as const,
    )
  const files = [...own, ...packages()].map(([path, file]) =>
    fileWith(path, CONTENT_TYPES[extname(file)] ?? '', readFileSync(file, 'utf8')),
  )
  const known = JSON.stringify(knownOf(domain))
  return [...files, fileWith('/console/domain.json', 'application/json; charset=utf-8', known)]
}

const fileWith = (path: string, contentType: string, content: string): ConsoleFile => ({
  ...{ path, contentType, content },
  etag: entityTagOf(content),
})

/** Served as published: nothing is compiled for the browser. */
function packages(): (readonly [path: string, file: string])[] {
  const installed = createRequire(import.meta.url)
  return [
    // The `exports` of this package name no file that a browser can load, but such a file lies beside them.
    ['/console/packages/preact.js', join(dirname(installed.resolve('htm/preact')), 'standalone.module.js')],
    ['/console/packages/uplot.js', installed.resolve('uplot/dist/uPlot.esm.js')],
    ['/console/packages/uplot.css', installed.resolve('uplot/dist/uPlot.min.css')],
  ]
}

type Domain = Pick<typeof orders, 'services' | 'registry' | 'heard'>

export interface Known {
  services: string[]
  types: {
    type: string
    /** The service that publishes it. */
    service: string
    /** The services that consume it. */
    heardBy: string[]
  }[]
}

/** The services and events, so that the console needs no list of its own. */
export function knownOf({ services, registry, heard }: Domain): Known {
  const events = [...registry.contracts.values()].filter(({ exchange }) => exchange !== '' && exchange !== keysExchange)
  return {
    services: services.map((name) => name.replace(/-service$/, '')),
    types: events.map(({ type, exchange }) => ({
      type,
      service: firstWord(exchange),
      heardBy: hearersOf(type, heard),
    })),
  }
}

const firstWord = (name: string) => name.slice(0, name.indexOf('.'))

function hearersOf(type: string, heard: Domain['heard']): string[] {
  const queues = Object.entries(heard).filter(([, patterns]) =>
    patterns.some((one) => one.replace(/\.#.*$/, '') === type),
  )
  return [...new Set(queues.map(([queue]) => firstWord(queue)))]
}
