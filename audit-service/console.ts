// The operator console's three files, and what a browser may do with them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Nothing but the page's own files, nothing inline, and no HTML made of text: what an event says can never become code.
 * The one picture, the icon, stands in the page itself.
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

/** Read once, when the service starts: a missing file is noticed then, not by the first who looks. */
export function readConsole(): { html: string; css: string; script: string } {
  const read = (name: string) => readFileSync(join(import.meta.dirname, 'console', name), 'utf8')
  return { html: read('index.html'), css: read('console.css'), script: read('console.js') }
}
