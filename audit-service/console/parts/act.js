// A button that opens a form for an action. The form says what will be done to how many, and asks for the reason. It asks for
// the operator's name if the token does not name one.
import { html, useEffect, useLayoutEffect, useRef, useState } from '/console/packages/preact.js'
import { operatorName, Refused } from '../api.js'

const OPERATOR = 'operator-name'

/** @typedef {{ reason: string, operator: string, fields: FormData }} Given */

/** @type {(listen: (said: string) => void) => () => void} */
export function onSaid(listen) {
  const heard = (/** @type {Event} */ event) => listen(/** @type {CustomEvent<string>} */ (event).detail)
  addEventListener(SAID, heard)
  return () => removeEventListener(SAID, heard)
}

const SAID = 'said'
/** Longer than the next poll takes. Later, the operator has read it. */
const NEWS_MS = 6_000

/** @param {{ said: string, atMs: number }} outcome */
function say({ said, atMs }) {
  if (said !== '' && performance.now() - atMs < NEWS_MS) dispatchEvent(new CustomEvent(SAID, { detail: said }))
}

/** @typedef {{ does: string, explains?: string, run: (given: Given) => Promise<string> }} Deed */

/**
 * `run` does the action and returns a sentence about the result. While the form is open, its texts and its `run` stay those of
 * the moment when it was opened, although the page polls.
 * @param {{ open: string, does: string, explains?: string, isQuiet?: boolean, startsOpen?: boolean,
 * run: (given: Given) => Promise<string>, children?: unknown }} props
 */
export function Act({ open, does, explains, isQuiet = false, startsOpen = false, run, children }) {
  const [opened, setOpened] = useState(/** @type {Deed | null} */ (startsOpen ? { does, explains, run } : null))
  const isOpen = opened !== null
  const deed = opened ?? { does, explains, run }
  const [isUnderWay, setUnderWay] = useState(false)
  const [outcome, setOutcome] = useState({ said: '', isFault: false })
  const [known, setKnown] = useState(/** @type {string | null} */ (null))
  const first = useRef(/** @type {HTMLInputElement | null} */ (null))
  const opener = useRef(/** @type {HTMLButtonElement | null} */ (null))
  // Before the user can type: a later move of the focus would split the typed text between two fields.
  useLayoutEffect(() => {
    if (!isOpen) return
    first.current?.focus()
    operatorName().then(setKnown)
  }, [isOpen])

  // Where the action has removed the form too, the frame of the console shows the outcome.
  const latest = useRef({ said: '', atMs: 0 })
  useEffect(() => () => say(latest.current), [])

  const close = () => {
    setOpened(null)
    opener.current?.focus()
  }
  /** @param {SubmitEvent} submitted */
  async function submit(submitted) {
    submitted.preventDefault()
    const fields = new FormData(/** @type {HTMLFormElement} */ (submitted.currentTarget))
    const operator = known ?? String(fields.get('operator')).trim()
    if (known === null) sessionStorage.setItem(OPERATOR, operator)
    setUnderWay(true)
    try {
      const said = await deed.run({ reason: String(fields.get('reason')).trim(), operator, fields })
      setOutcome({ said, isFault: false })
      latest.current = { said, atMs: performance.now() }
      close()
    } catch (fault) {
      const said =
        fault instanceof Refused
          ? fault.message
          : 'No answer, so it is unknown whether this was done. Check before you try again.'
      setOutcome({ said, isFault: true })
    }
    setUnderWay(false)
  }

  return html`<div class="act">
    <button ref=${opener} type="button" class=${isQuiet ? 'quiet' : ''} aria-expanded=${isOpen} onClick=${() => (isOpen ? close() : setOpened(deed))}>
      ${open}
    </button>
    ${
      isOpen &&
      html`<form class="act-form" aria-label=${deed.does} onSubmit=${submit} onKeyDown=${(/** @type {KeyboardEvent} */ pressed) => pressed.key === 'Escape' && close()}>
        ${deed.explains && html`<p>${deed.explains}</p>`}
        ${
          known === null
            ? html`<label>Your name
                <input name="operator" required maxlength="100" autocomplete="name" defaultValue=${sessionStorage.getItem(OPERATOR) ?? ''} />
              </label>`
            : html`<p class="meta">Recorded as <strong>${known}</strong>, the name of your token.</p>`
        }
        <label>Reason, for the record
          <input ref=${first} name="reason" required maxlength="200" pattern=".*[^ ].*" autocomplete="off" />
        </label>
        ${children}
        <p class="buttons">
          <button class="main" type="submit" disabled=${isUnderWay}>${deed.does}</button>
          <button class="quiet" type="button" onClick=${close}>Cancel</button>
        </p>
      </form>`
    }
    <p class=${outcome.isFault ? 'fault' : 'done'} role="status">${outcome.said}</p>
  </div>`
}
