// The frame of the operator console: it chooses the page. The content of events is only ever shown as text.
import { html, render, useEffect, useLayoutEffect, useState } from '/console/packages/preact.js'
import { forgetToken, giveToken, hasToken, onTokenWanted, wasTokenRefused } from './api.js'
import { Actions } from './pages/actions.js'
import { Failed } from './pages/failed.js'
import { Letter } from './pages/letter.js'
import { Live } from './pages/live.js'
import { Now } from './pages/now.js'
import { Order } from './pages/order.js'
import { Orders } from './pages/orders.js'
import { ResendPage, Resends } from './pages/resends.js'
import { AllServices, Retries } from './pages/services.js'
import { onSaid } from './parts/act.js'
import { linkToOrder } from './words.js'

const sections = [
  { path: '', name: 'Now' },
  { path: 'failed', name: 'Failed' },
  { path: 'services', name: 'Services' },
  { path: 'orders', name: 'Orders' },
  { path: 'live', name: 'Live' },
  { path: 'actions', name: 'Actions' },
]

/** @typedef {{ title: string, section: string, page: unknown }} Shown */

/** @type {[RegExp, (parts: { id: string, query: URLSearchParams }) => Shown][]} */
const routes = [
  [/^$/, () => ({ title: 'Now', section: '', page: html`<${Now} />` })],
  [
    /^failed$/,
    ({ query }) => ({ title: 'Failed messages', section: 'failed', page: html`<${Failed} query=${query} />` }),
  ],
  [/^failed\/replays$/, () => ({ title: 'Replays', section: 'failed', page: html`<${Resends} />` })],
  [
    /^failed\/replays\/([0-9a-f]+)$/,
    ({ id }) => ({ title: 'Replay', section: 'failed', page: html`<${ResendPage} id=${id} />` }),
  ],
  [
    /^failed\/([0-9a-f]+)$/,
    ({ id }) => ({ title: 'Failed message', section: 'failed', page: html`<${Letter} id=${id} />` }),
  ],
  [/^orders$/, () => ({ title: 'Orders', section: 'orders', page: html`<${Orders} />` })],
  [
    /^orders\/(.+)$/,
    ({ id }) => ({ title: `Order ${id}`, section: 'orders', page: html`<${Order} key=${id} orderId=${id} />` }),
  ],
  [/^services$/, () => ({ title: 'Services', section: 'services', page: html`<${AllServices} />` })],
  [
    /^services\/([a-z]+-service)\/retries$/,
    ({ id }) => ({
      title: `Retries of ${id}`,
      section: 'services',
      page: html`<${Retries} key=${id} service=${id} />`,
    }),
  ],
  [/^actions$/, () => ({ title: 'Who did what', section: 'actions', page: html`<${Actions} />` })],
  [/^live$/, () => ({ title: 'Live', section: 'live', page: html`<${Live} />` })],
]

/** @type {(hash: string) => Shown} */
function shownAt(hash) {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split('?')
  for (const [pattern, show] of routes) {
    const found = pattern.exec(path)
    if (found) return show({ id: decoded(found[1] ?? ''), query: new URLSearchParams(search) })
  }
  return {
    title: 'No such page',
    section: 'none',
    page: html`<h1 tabindex="-1">There is no such page</h1><p><a href="#/">Go to the first page</a></p>`,
  }
}

/** @type {(text: string) => string} */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function App() {
  const [hash, setHash] = useState(location.hash)
  const [isLocked, setLocked] = useState(false)
  const [said, setSaid] = useState('')
  const { title, section, page } = shownAt(hash)
  useEffect(() => {
    const changed = () => {
      setHash(location.hash)
      setSaid('')
    }
    addEventListener('hashchange', changed)
    onTokenWanted(setLocked)
    const unheard = onSaid(setSaid)
    return () => {
      unheard()
      removeEventListener('hashchange', changed)
    }
  }, [])
  useLayoutEffect(() => {
    document.title = `${title} · Orders console`
    // After a click on a link, a screen reader announces the new page.
    if (document.activeElement === document.body || document.activeElement?.closest('main')) focusHeading()
  }, [title])
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <header class="bar">
      <a class="brand" href="#/">
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 4v16M6 7h9M6 17h5" /><circle cx="17.5" cy="7" r="2.5" /><circle cx="13.5" cy="17" r="2.5" /></svg>
        <span>Orders</span>
      </a>
      <nav aria-label="Pages">
        ${sections.map(({ path, name }) => html`<a key=${path} href=${`#/${path}`} aria-current=${path === section ? 'page' : undefined}>${name}</a>`)}
      </nav>
      ${!isLocked && html`<${Find} />`}
      ${hasToken() && html`<button class="quiet" type="button" onClick=${forgetToken}>Forget token</button>`}
    </header>
    <div class="said" role="status">${said && html`<p class="done">${said}</p>`}</div>
    <main id="main" hidden=${isLocked}>${page}</main>
    ${isLocked && html`<${Locked} />`}
  `
}

const focusHeading = () => /** @type {HTMLElement | null} */ (document.querySelector('main h1'))?.focus()

/** @param {Event} clicked */
function skip(clicked) {
  clicked.preventDefault()
  focusHeading()
}

function Find() {
  useEffect(() => {
    const pressed = (/** @type {KeyboardEvent} */ event) => {
      const isTyping = event.target instanceof Element && event.target.matches('input, select, textarea')
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      document.getElementById('find-order')?.focus()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [])
  /** @param {SubmitEvent} submitted */
  function find(submitted) {
    submitted.preventDefault()
    const form = /** @type {HTMLFormElement} */ (submitted.currentTarget)
    const id = String(new FormData(form).get('id')).trim()
    if (id === '') return
    location.hash = linkToOrder(id)
    form.reset()
    focusHeading()
  }
  return html`<search class="find">
    <form onSubmit=${find}>
      <label class="unseen" for="find-order">Order id</label>
      <input id="find-order" name="id" type="search" placeholder="Open an order by its id" maxlength="100" autocomplete="off" spellcheck="false" />
      <kbd aria-hidden="true">/</kbd>
    </form>
  </search>`
}

function Locked() {
  useLayoutEffect(() => document.getElementById('token')?.focus(), [])
  /** @param {SubmitEvent} submitted */
  function give(submitted) {
    submitted.preventDefault()
    giveToken(String(new FormData(/** @type {HTMLFormElement} */ (submitted.currentTarget)).get('token')))
  }
  return html`<main class="ask">
    <form onSubmit=${give}>
      <h1>Operators only</h1>
      <p role="status">${wasTokenRefused() ? 'This token does not give access here. Try another one.' : 'The audit log contains data about customers. Enter an operator token to read it.'}</p>
      <label for="token">Token</label>
      <input id="token" name="token" type="password" required pattern="[!-~]+" title="Letters, digits and punctuation, without spaces" autocomplete="off" spellcheck="false" />
      <button class="main" type="submit">Open the console</button>
      <p class="small">Use one of <code>OPERATOR_TOKENS</code>. This tab keeps the token until you close the tab.</p>
    </form>
  </main>`
}

render(html`<${App} />`, document.body)
