// The operator console: the newest events as they come, and any order's story. What events say only ever becomes text.

/** @typedef {{sequence: number, id: string, type: string, subject: string, source: string, time: string, receivedAt: string, causationId: string | null, hash: string, sentence: string, event: unknown}} Kept */
/** @typedef {{id: string, time: string, afterMs: number, service: string, type: string, sentence: string}} Entry */
/** @typedef {{missing: string[], after: string | null, since: string, sinceMs: number, status: 'held' | 'waiting' | 'missing', held?: {until: string, because: string}}} Gap */
/** @typedef {{orderId: string, ended: 'completed' | 'cancelled' | null, startedAt: string, durationMs: number, entries: Entry[], gaps: Gap[]}} Story */

const EVERY_MS = 2_000
const HIDDEN_EVERY_MS = 15_000
const AWAY_MAX_MS = 30_000
const ANSWER_MAX_MS = 10_000
const VERIFY_MAX_MS = 600_000
const PAGE = 100
const ROWS_MAX = 500
const RAW_MAX = 999
const PAUSE_FROM_MS = 1_000
const TOKEN = 'operator-token'

/** @type {<T extends HTMLElement>(id: string, kind: new () => T) => T} */
function byId(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} ${id}`)
  return found
}

/** @type {(tag: string, attributes?: Record<string, string>, ...children: (Node | string)[]) => HTMLElement} */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

// Words and numbers

const count = new Intl.NumberFormat('en')
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** @type {(ms: number) => string} */
function duration(ms) {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** The time of day, with the day where it is another one. @type {(iso: string) => HTMLElement} */
function moment(iso) {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return element('time', {}, iso)
  const isToday = date.toDateString() === new Date().toDateString()
  const text = isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date).slice(0, 8)}`
  return element('time', { datetime: iso, title: iso }, text)
}

/** `/inventory-service` is `inventory` to people. @type {(source: string) => string} */
const serviceOf = (source) => source.replace(/^\//, '').replace(/-service$/, '')

/** @type {(orderId: string) => string} */
const linkTo = (orderId) => `#/orders/${encodeURIComponent(orderId)}`

// Asking the service

class Refused extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

/** Asks, with the token once one is needed. Rejects with Refused for 4xx. @type {(path: string, limitMs?: number) => Promise<any>} */
async function ask(path, limitMs = ANSWER_MAX_MS) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN)
    const headers = { accept: 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) }
    const answer = await fetch(path, { headers, signal: AbortSignal.timeout(limitMs) })
    if (answer.status === 401 || answer.status === 403) {
      if (tokenAsked) await tokenAsked.promise
      // Otherwise another question has brought a newer token meanwhile.
      else if (sessionStorage.getItem(TOKEN) === token) await newToken(token !== null)
    } else if (answer.ok) return answer.json()
    else if (answer.status < 500) throw new Refused(answer.status, (await answer.json()).detail)
    else throw new Error(`${path} answered ${answer.status}`)
  }
}

/** All who ask wait for the same token. @type {{promise: Promise<void>, given: () => void} | undefined} */
let tokenAsked

/** @type {(wasRefused: boolean) => Promise<void>} */
function newToken(wasRefused) {
  sessionStorage.removeItem(TOKEN)
  byId('ask-why', HTMLElement).textContent = wasRefused
    ? 'This token does not give access here. Try another one.'
    : 'The log holds what customers did. Show that you may read it.'
  lock(true)
  let given = () => {}
  /** @type {Promise<void>} */
  const promise = new Promise((resolve) => {
    given = resolve
  })
  tokenAsked = { promise, given }
  return promise
}

/** @type {(isLocked: boolean) => void} */
function lock(isLocked) {
  byId('main', HTMLElement).hidden = isLocked
  byId('ask', HTMLElement).hidden = !isLocked
  byId('find', HTMLFormElement).hidden = isLocked
  byId('forget', HTMLElement).hidden = sessionStorage.getItem(TOKEN) === null
  byId('kept-line', HTMLElement).hidden = isLocked
  byId('check', HTMLButtonElement).hidden = isLocked
  if (isLocked) byId('token', HTMLInputElement).focus()
}

byId('ask-form', HTMLFormElement).addEventListener('submit', (submitted) => {
  submitted.preventDefault()
  const input = byId('token', HTMLInputElement)
  sessionStorage.setItem(TOKEN, input.value)
  input.value = ''
  lock(false)
  tokenAsked?.given()
  tokenAsked = undefined
})
byId('forget', HTMLButtonElement).addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN)
  // What was read with the token goes with it.
  location.reload()
})

// The list of events

const rows = byId('rows', HTMLTableSectionElement)
const filters = byId('filters', HTMLFormElement)
const list = { newest: 0, oldest: 0, isPaused: false }

function filter() {
  const wanted = [...new FormData(filters)].map(([name, value]) => [name, String(value).trim()])
  return new URLSearchParams(wanted.filter(([, value]) => value !== '')).toString()
}

/** @type {(kept: Kept, isNew: boolean) => HTMLElement} */
function rowOf({ sequence, time, source, type, subject, sentence }, isNew) {
  const service = serviceOf(source)
  const attributes = { 'data-service': service, 'data-order': subject, ...(isNew ? { class: 'new' } : {}) }
  const row = element(
    'tr',
    { ...attributes, 'data-sequence': String(sequence) },
    element('td', {}, moment(time)),
    element('td', {}, element('span', { class: 'who', title: service }, service)),
    element('td', { class: 'said', title: sentence }, sentence),
    element('td', { class: 'type', title: type }, type),
    element('td', {}, element('a', { href: linkTo(subject), title: subject }, subject)),
  )
  markCurrent(row)
  return row
}

/** @type {(row: HTMLElement) => void} */
function markCurrent(row) {
  if (row.dataset.order === openOrder()) row.setAttribute('aria-current', 'true')
  else row.removeAttribute('aria-current')
}

function forgetRows() {
  rows.replaceChildren()
  list.newest = 0
  list.oldest = 0
  byId('older', HTMLButtonElement).hidden = true
}

/** Only what is newer than what stands there: while nothing happens, an answer is a few bytes. */
async function loadEvents() {
  if (list.isPaused) return
  const wanted = filter()
  const isFirst = list.newest === 0
  const { events, next, kept } = await askForEvents(`after=${list.newest}&${wanted}`)
  if (wanted !== filter() || list.isPaused) return
  byId('kept', HTMLElement).textContent = count.format(kept)
  // A log that shrank is another log; and after a flood the list starts anew rather than have a hole.
  if (kept < list.newest || (!isFirst && next !== null)) forgetRows()
  if (kept < list.newest) return loadEvents()
  rows.prepend(...events.map((/** @type {Kept} */ event) => rowOf(event, !isFirst)))
  if (isFirst || next !== null) olderThan(next)
  while (rows.rows.length > ROWS_MAX) {
    rows.deleteRow(-1)
    olderThan(Number(rows.rows[rows.rows.length - 1]?.dataset.sequence ?? 0))
  }
  noteNewest()
  byId('nothing', HTMLElement).hidden = kept > 0
  explain(kept > 0 && rows.rows.length === 0 ? 'What fits will appear here as soon as it happens.' : undefined)
}

/** @type {(query: string) => Promise<{events: Kept[], next: number | null, kept: number}>} */
const askForEvents = (query) => ask(`/audit/events?newest=true&limit=${PAGE}&${query}`)

function noteNewest() {
  list.newest = Number(rows.rows[0]?.dataset.sequence ?? 0)
}

/** Where to go on, which may be far beyond the last row: a search stops when it has looked at enough. @type {(next: number | null) => void} */
function olderThan(next) {
  list.oldest = next ?? 0
  byId('older', HTMLButtonElement).hidden = next === null
}

/** Why the list is empty, or not at all. @type {(why: string | undefined) => void} */
function explain(why) {
  byId('no-match', HTMLElement).hidden = why === undefined
  byId('no-match-why', HTMLElement).textContent = why ?? ''
}

const older = byId('older', HTMLButtonElement)
older.addEventListener('click', async () => {
  older.disabled = true
  const wanted = filter()
  try {
    const { events, next } = await askForEvents(`before=${list.oldest}&${wanted}`)
    if (wanted !== filter()) return
    rows.append(...events.map((event) => rowOf(event, false)))
    // Whoever reads the past is not carried away by the present.
    if (rows.rows.length > ROWS_MAX - PAGE) pause(true)
    olderThan(next)
    noteNewest()
  } catch (error) {
    showConnection(error)
  } finally {
    older.disabled = false
  }
})

function filterChanged() {
  const service = String(new FormData(filters).get('service') ?? '')
  const type = byId('type', HTMLSelectElement)
  for (const group of type.querySelectorAll('optgroup')) group.hidden = service !== '' && group.label !== service
  if (service !== '' && !type.value.startsWith(`${service}.`)) type.value = ''
  byId('clear', HTMLElement).hidden = filter() === ''
  explain(undefined)
  forgetRows()
  pause(false)
}
filters.addEventListener('input', filterChanged)
// The fields are emptied only after the event.
filters.addEventListener('reset', () => setTimeout(filterChanged))
filters.addEventListener('submit', (submitted) => submitted.preventDefault())

rows.addEventListener('click', ({ target }) => {
  const row = target instanceof Element && !target.closest('a') ? target.closest('tr') : null
  // Somebody who marks text wants to copy it.
  if (row?.dataset.order !== undefined && String(getSelection()) === '') location.hash = linkTo(row.dataset.order)
})
rows.addEventListener('keydown', (pressed) => {
  const row = pressed.target instanceof Element ? pressed.target.closest('tr') : null
  const to = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[pressed.key]
  if (!to) return
  pressed.preventDefault()
  to.querySelector('a')?.focus()
})

const live = byId('live', HTMLButtonElement)
live.addEventListener('click', () => pause(!list.isPaused))

/** @type {(isPaused: boolean) => void} */
function pause(isPaused) {
  list.isPaused = isPaused
  live.setAttribute('aria-pressed', String(!isPaused))
  showConnection(undefined)
  if (!isPaused) turn()
}

/** @type {(fault: unknown) => void} */
function showConnection(fault) {
  const state = fault !== undefined ? 'away' : list.isPaused ? 'paused' : 'live'
  live.dataset.state = state
  const words = { away: 'No answer, trying again', paused: 'Paused', live: 'Live' }
  byId('live-text', HTMLElement).textContent = words[state]
}

// The story of an order

const timeline = byId('timeline', HTMLOListElement)
const shown = { orderId: '', entries: '', gaps: '' }
/** @type {Map<string, Kept>} */
const raw = new Map()

/** @type {() => string | undefined} */
function openOrder() {
  const [, id] = /^#\/orders\/(.+)$/.exec(location.hash) ?? []
  try {
    return id === undefined ? undefined : decodeURIComponent(id)
  } catch {
    return id
  }
}

async function loadStory() {
  const orderId = openOrder()
  if (orderId === undefined) return
  try {
    /** @type {Story} */
    const story = await ask(`/audit/orders/${encodeURIComponent(orderId)}`)
    if (orderId === openOrder()) showStory(story)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (orderId !== openOrder()) return
    const isUnknown = error.status === 404
    showBadges([[isUnknown ? 'not heard of yet' : 'no valid order id', 'waiting']])
    note(
      isUnknown
        ? 'As soon as anybody says something about this order, its story begins here.'
        : 'An order id is made of letters, digits, dots, dashes and underscores.',
    )
  }
}

/** @type {(story: Story) => void} */
function showStory({ ended, startedAt, durationMs, entries, gaps }) {
  const [waiting, held, missing] = ['waiting', 'held', 'missing'].map(
    (wanted) => gaps.filter(({ status }) => status === wanted).length,
  )
  showBadges([
    [ended ?? 'under way', ended === 'completed' ? 'good' : ended === null ? 'under-way' : 'plain'],
    ...(waiting ? [[`waiting for ${waiting}`, 'waiting']] : []),
    ...(held ? [[`${held} held`, 'plain']] : []),
    ...(missing ? [[`${missing} missing`, 'bad']] : []),
  ])
  const figures = [
    [ended === null ? 'So far' : 'Duration', duration(durationMs)],
    ['Events', count.format(entries.length)],
    ['Began', moment(startedAt)],
  ]
  byId('figures', HTMLElement).replaceChildren(
    ...figures.map(([name, value]) =>
      element('div', {}, element('dt', {}, name ?? ''), element('dd', {}, value ?? '')),
    ),
  )
  // What has not changed stays as it is, with what the reader opened in it.
  const entriesKey = JSON.stringify(entries)
  if (entriesKey !== shown.entries) showEntries(entries)
  shown.entries = entriesKey
  const gapsKey = JSON.stringify(gaps)
  if (gapsKey !== shown.gaps) byId('gaps', HTMLElement).replaceChildren(...gaps.map(gapOf))
  shown.gaps = gapsKey
  timeline.classList.toggle('last', gaps.length === 0)
  note(gaps.length === 0 ? 'Everything that should have followed has followed.' : '')
}

/** @type {(entries: Entry[]) => void} */
function showEntries(entries) {
  const open = [...timeline.querySelectorAll('details[open]')].map((details) => details.id)
  const focused = document.activeElement?.closest('details')?.id
  timeline.replaceChildren(
    ...entries.flatMap((entry, index) => {
      const pauseMs = entry.afterMs - (entries[index - 1]?.afterMs ?? 0)
      return [...(pauseMs >= PAUSE_FROM_MS ? [pauseOf(pauseMs)] : []), stepOf(entry)]
    }),
  )
  for (const details of timeline.querySelectorAll('details')) {
    details.open = open.includes(details.id)
    if (details.id === focused) details.querySelector('summary')?.focus()
  }
}

/** @type {(entry: Entry) => HTMLElement} */
function stepOf({ id, time, afterMs, service, type, sentence }) {
  const said = element('p', { class: 'said' }, sentence)
  // The service is the type's first word, unless somebody says what nobody here knows.
  const words = type.startsWith(`${service}.`) ? type.slice(service.length) : ` · ${type}`
  const meta = element('p', { class: 'meta' }, element('b', {}, service), words)
  const summary = element('summary', { class: 'step' }, ...step(`+${duration(afterMs)}`, said, meta))
  summary.title = time
  const details = element('details', { id: `event ${id}` }, summary)
  details.addEventListener('toggle', () => showRaw(id, details))
  return element('li', { 'data-service': service }, details)
}

/** @type {(after: string, ...what: HTMLElement[]) => HTMLElement[]} */
const step = (after, ...what) => [
  element('span', { class: 'after' }, after),
  element('span', { class: 'mark' }),
  element('div', { class: 'what' }, ...what),
]

/** @type {(ms: number) => HTMLElement} */
const pauseOf = (ms) =>
  element(
    'li',
    { class: 'pause' },
    element('div', { class: 'step' }, ...step('', element('p', {}, `${duration(ms)} later`))),
  )

/** Why a rule holds news. @type {Record<string, string | undefined>} */
const HOLDS = {
  quiet_hours: 'the customer’s quiet hours',
  digest: 'it waits for a digest',
  throttled: 'the throttle has no room before',
}

/** @type {(gap: Gap) => HTMLElement} */
function gapOf({ missing, after, sinceMs, status, held }) {
  const what = missing.join(' or ')
  const words = { missing: 'Missing: ', waiting: 'Waiting for ', held: 'Held: ' }
  const said = element('p', { class: 'said' }, words[status] + what)
  const place = after === null ? 'should stand before everything else' : `should follow ${after}`
  const why =
    held && status === 'held'
      ? ['until ', moment(held.until), `: ${HOLDS[held.because] ?? held.because}`]
      : [sinceMs === 0 ? `${place}; there is still time` : place]
  const meta = element('p', { class: 'meta' }, ...why)
  const since = sinceMs === 0 ? '' : duration(sinceMs)
  return element(
    'li',
    { class: 'gap', 'data-status': status },
    element('div', { class: 'step' }, ...step(since, said, meta)),
  )
}

/** The event itself is fetched when somebody looks. @type {(id: string, details: HTMLElement) => Promise<void>} */
async function showRaw(id, details) {
  const orderId = openOrder()
  if (!details.hasAttribute('open') || details.querySelector('.raw') || orderId === undefined) return
  const pre = element('pre', {}, 'One moment …')
  const about = element('p')
  details.append(element('div', { class: 'raw' }, about, pre))
  try {
    if (!raw.has(id)) {
      const query = new URLSearchParams({ orderId, limit: String(RAW_MAX) })
      const { events } = await ask(`/audit/events?${query}`)
      for (const event of events) raw.set(event.id, event)
    }
    const kept = raw.get(id)
    pre.textContent = kept ? JSON.stringify(kept.event, null, 2) : `not among the order's first ${RAW_MAX} events`
    if (kept) about.textContent = aboutOf(kept)
  } catch {
    pre.textContent = 'No answer. Close and open this to try again.'
    details.addEventListener('toggle', () => pre.parentElement?.remove(), { once: true })
  }
}

/** @type {(kept: Kept) => string} */
const aboutOf = ({ sequence, causationId, hash }) =>
  [
    `Kept as no. ${count.format(sequence)}`,
    ...(causationId ? [`caused by ${causationId}`] : []),
    `hash ${hash.slice(0, 12)}…`,
  ].join(' · ')

/** @type {(badges: string[][]) => void} */
function showBadges(badges) {
  const wanted = badges.map(([text = '', tone = '']) => element('span', { class: 'badge', 'data-tone': tone }, text))
  const place = byId('badges', HTMLElement)
  // Screen readers tell every change, so there should be none without news.
  if (place.textContent !== wanted.map(({ textContent }) => textContent).join('')) place.replaceChildren(...wanted)
}

/** @type {(text: string) => void} */
function note(text) {
  byId('story-note', HTMLElement).textContent = text
}

function routeChanged() {
  const orderId = openOrder()
  byId('main', HTMLElement).dataset.view = orderId === undefined ? 'log' : 'story'
  byId('story', HTMLElement).hidden = orderId === undefined
  document.title = orderId === undefined ? 'Orders · operator console' : `Order ${orderId} · operator console`
  for (const row of rows.rows) markCurrent(row)
  if (orderId === shown.orderId) return
  Object.assign(shown, { orderId, entries: '', gaps: '' })
  raw.clear()
  for (const id of ['badges', 'figures', 'timeline', 'gaps']) document.getElementById(id)?.replaceChildren()
  note('')
  byId('story-title', HTMLElement).textContent = `Order ${orderId ?? ''}`
  byId('story', HTMLElement).scrollTop = 0
  if (orderId !== undefined) turn()
}
addEventListener('hashchange', routeChanged)

// The header

const search = byId('find-order', HTMLInputElement)
byId('find', HTMLFormElement).addEventListener('submit', (submitted) => {
  submitted.preventDefault()
  const id = search.value.trim()
  if (id === '') return
  location.hash = linkTo(id)
  search.value = ''
  // The event of the new address comes later, and what is hidden cannot be focused.
  routeChanged()
  byId('story-title', HTMLElement).focus()
})
addEventListener('keydown', (pressed) => {
  const isTyping = pressed.target instanceof Element && pressed.target.matches('input, select')
  if (pressed.key === 'Escape' && isTyping) /** @type {HTMLElement} */ (pressed.target).blur()
  else if (pressed.key === 'Escape' && openOrder() !== undefined) location.hash = '#/'
  if (pressed.key !== '/' || isTyping || pressed.ctrlKey || pressed.metaKey) return
  pressed.preventDefault()
  search.focus()
})

const check = byId('check', HTMLButtonElement)
check.addEventListener('click', async () => {
  check.disabled = true
  showVerdict('Checking …', 'plain', '')
  try {
    const verdict = await ask('/audit/verify', VERIFY_MAX_MS)
    const at = clock.format(new Date()).slice(0, 5)
    if (verdict.ok) showVerdict(`✓ Whole at ${at}`, 'good', `${verdict.events} events, head ${verdict.head.hash}`)
    else showVerdict(`✗ No. ${count.format(verdict.brokenAt)} ${verdict.why}`, 'bad', `whole up to ${verdict.events}`)
  } catch {
    showVerdict('No answer', 'bad', '')
  } finally {
    check.disabled = false
  }
})

/** @type {(text: string, tone: string, title: string) => void} */
function showVerdict(text, tone, title) {
  const verdict = byId('verdict', HTMLElement)
  verdict.hidden = false
  verdict.textContent = text
  verdict.dataset.tone = tone
  verdict.title = title
}

/** The order service stands five ports before the audit, unless something stands in between. */
function showFirstOrder() {
  const port = Number(location.port)
  const origin = port > 5 ? `http://${location.hostname}:${port - 5}` : 'http://localhost:8080'
  const body = JSON.stringify({ orderId: '123', user: 'gayal', items: ['item1', 'item2'] })
  const command = `curl -X POST ${origin}/orders \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`
  byId('first-order', HTMLElement).textContent = command
  const copy = byId('copy', HTMLButtonElement)
  copy.hidden = !navigator.clipboard
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(command)
    copy.textContent = 'Copied'
  })
}

// Looking again and again

let timer = 0
let failures = 0
let isUnderWay = false
let isWantedAgain = false

/** Looks now, then every two seconds; seldom while nobody watches, ever more seldom while nobody answers. */
async function turn() {
  clearTimeout(timer)
  if (isUnderWay) {
    isWantedAgain = true
    return
  }
  isUnderWay = true
  try {
    await Promise.all([loadEvents().catch(refusedFilter), loadStory()])
    failures = 0
    showConnection(undefined)
  } catch (error) {
    failures++
    showConnection(error)
  }
  isUnderWay = false
  const usual = document.hidden ? HIDDEN_EVERY_MS : EVERY_MS
  const wait = failures === 0 ? usual : Math.min(AWAY_MAX_MS, EVERY_MS * 2 ** failures)
  timer = setTimeout(turn, isWantedAgain ? 0 : wait)
  isWantedAgain = false
}

/** A filter that the service does not take is no fault of the connection. @type {(error: unknown) => void} */
function refusedFilter(error) {
  if (!(error instanceof Refused)) throw error
  explain('This is no order id: those are made of letters, digits, dots, dashes and underscores.')
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) turn()
})
addEventListener('online', turn)

showFirstOrder()
lock(false)
routeChanged()
turn()
