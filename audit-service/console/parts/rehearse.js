// Rehearses a failed message: shows what would happen to it now.
import { html, useState } from '/console/packages/preact.js'
import { ask, Refused } from '../api.js'
import { Body } from './body.js'

/**
 * @typedef {{
 *   outcome: 'decided' | 'fails' | 'open' | 'not_answering', sentence: string, error: { stack: string } | null,
 *   says: { id: string, type: string, data: unknown }[]
 * }} Rehearsal
 */

/** @param {{ id: string, open?: string }} props */
export function Rehearse({ id, open = 'Rehearse' }) {
  const [outcome, setOutcome] = useState(/** @type {Rehearsal | 'asking' | undefined} */ (undefined))
  const [fault, setFault] = useState('')
  async function rehearse() {
    setOutcome('asking')
    setFault('')
    try {
      setOutcome(await ask(`/failed/${id}/rehearsal`, { method: 'POST' }))
    } catch (refused) {
      setOutcome(undefined)
      setFault(refused instanceof Refused ? refused.message : 'audit-service does not answer. Nothing was changed.')
    }
  }
  const known = typeof outcome === 'object' ? outcome : undefined
  const isBad = known?.outcome === 'fails' || known?.outcome === 'not_answering'
  return html`<div class="act">
    <button class="quiet" type="button" disabled=${outcome === 'asking'} onClick=${rehearse}>${open}</button>
    <p class=${isBad || fault !== '' ? 'fault' : 'done'} role="status">${known?.sentence ?? fault}</p>
    ${known?.says.map(
      ({
        id: said,
        type,
        data,
      }) => html`<details key=${said}><summary>Data of <span class="mono">${type}</span></summary>
        <${Body} text=${JSON.stringify({ data })} /></details>`,
    )}
    ${known?.error?.stack && html`<details><summary>Stack trace of the rehearsal</summary><pre tabindex="0" role="group" aria-label="Stack trace of the rehearsal">${known.error.stack}</pre></details>`}
  </div>`
}
