// Shows a message's body. audit-service masks personal data, and shows them to an operator who states a reason, on record.
import { html, useLayoutEffect, useRef, useState } from '/console/packages/preact.js'
import { Act } from './act.js'

const MASK = '••••••'

/** @type {(text: string) => string} */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    // It is not JSON, so it is shown unchanged.
    return text
  }
}

/**
 * `look` records who looks and why, then returns the whole body. Without it the data stay masked.
 * @param {{ text: string, label?: string, look?: (given: import('./act.js').Given) => Promise<string> }} props
 */
export function Body({ text, label = 'Content', look }) {
  const [whole, setWhole] = useState(/** @type {string | undefined} */ (undefined))
  const hides = useRef(/** @type {HTMLButtonElement | null} */ (null))
  useLayoutEffect(() => {
    if (whole !== undefined) hides.current?.focus()
  }, [whole])
  const run = async (/** @type {import('./act.js').Given} */ given) => {
    setWhole(await /** @type {NonNullable<typeof look>} */ (look)(given))
    return 'Shown. The audit log has recorded this.'
  }
  return html`<div class="body">
    ${
      look &&
      whole === undefined &&
      text.includes(MASK) &&
      html`<${Act} isQuiet open="Show personal data …" does="Show it"
        explains="The audit log records who looked at what, and why." run=${run} />`
    }
    ${whole !== undefined && html`<button ref=${hides} type="button" onClick=${() => setWhole(undefined)}>Mask personal data</button>`}
    <pre tabindex="0" role="group" aria-label=${label}>${indented(whole ?? text)}</pre>
  </div>`
}
