// The check of the whole audit log, on demand.
import { html, useState } from '/console/packages/preact.js'
import { ask, Refused } from '../api.js'
import { count, counted, duration } from '../words.js'
import { Check } from './check.js'
import { Fault } from './show.js'

const VERIFY_MAX_MS = 600_000
/** Outlives a visit to another page. @type {Verdict | 'checking' | undefined} */
let lastVerdict

/** The last verdict, and a function that changes it. */
export function useVerdict() {
  const [verdict, setVerdict] = useState(lastVerdict)
  const tell = (/** @type {Verdict | 'checking' | undefined} */ now) => {
    lastVerdict = now === 'checking' ? undefined : now
    setVerdict(now)
  }
  return /** @type {const} */ ([verdict, tell])
}

/** @typedef {{ ok: boolean, events: number, why?: string, brokenAt?: number, atMs: number }} Verdict */

/** @param {{ verdict: Verdict | 'checking' | undefined, tell: (verdict: Verdict | 'checking' | undefined) => void }} props */
export function Log({ verdict, tell }) {
  const [fault, setFault] = useState(/** @type {unknown} */ (undefined))
  async function check() {
    tell('checking')
    setFault(undefined)
    const startedMs = performance.now()
    try {
      const found = await ask('/audit/verify', { limitMs: VERIFY_MAX_MS })
      tell({ ...found, atMs: performance.now() - startedMs })
    } catch (refused) {
      tell(undefined)
      setFault(refused instanceof Refused ? refused : new Error('no answer'))
    }
  }
  const isKnown = typeof verdict === 'object'
  const tone = !isKnown ? 'plain' : verdict.ok ? 'good' : 'bad'
  const action = html`<button type="button" disabled=${verdict === 'checking'} onClick=${check}>Check the log</button>`
  return html`<${Check} title="Audit log" tone=${tone} says=${saysOf(verdict)} action=${action}>
    <${Fault} of=${fault} />
    ${isKnown && !verdict.ok && html`<p class="next">The database was changed: keep an unchanged copy of it, and compare it with a backup.</p>`}
  <//>`
}

/** @type {(verdict: Verdict | 'checking' | undefined) => string} */
function saysOf(verdict) {
  if (verdict === undefined) return 'audit-service checks it in the background; not checked from here yet'
  if (verdict === 'checking') return 'Checking every event …'
  if (verdict.ok) return `Unchanged: ${counted(verdict.events, 'event')} checked in ${duration(verdict.atMs)}`
  return `Broken at event no. ${count(verdict.brokenAt ?? 0)}: ${verdict.why}. ${counted(verdict.events, 'event')} before it unchanged`
}
