// Sends requests to audit-service, with the operator's token once it is required, and always with a time limit.

const TOKEN = 'operator-token'
const ANSWER_MAX_MS = 10_000

export class Refused extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail)
    this.status = status
    this.code = code
  }
}

/** @typedef {{ method?: string, body?: object, headers?: Record<string, string>, limitMs?: number }} Asked */

/** Rejects with Refused if audit-service gives a reason. @type {(path: string, asked?: Asked) => Promise<any>} */
export async function ask(path, { method = 'GET', body, headers, limitMs = ANSWER_MAX_MS } = {}) {
  for (;;) {
    const token = sessionStorage.getItem(TOKEN)
    const answer = await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(limitMs),
    })
    if (answer.status === 401 || answer.status === 403) {
      // Another request may have brought a newer token meanwhile.
      if (wanted || sessionStorage.getItem(TOKEN) === token) await newToken(token !== null)
    } else if (answer.ok) return answer.json()
    else throw await refusalOf(answer)
  }
}

/** @type {(path: string, body: object, asked?: Asked) => Promise<any>} */
export const post = (path, body, asked) => ask(path, { method: 'POST', body, ...asked })

/** Undefined if this version of audit-service has no such route. @type {(path: string) => Promise<any>} */
export function askIfThere(path) {
  return ask(path).catch((fault) => {
    if (fault instanceof Refused && fault.code === 'no_such_route') return undefined
    throw fault
  })
}

/** @type {Promise<string | null> | undefined} */
let operator

/**
 * The operator that the token names. Null if it names nobody, or if that cannot be found out.
 * @type {() => Promise<string | null>}
 */
export function operatorName() {
  operator ??= askIfThere('/operations/operator').then(
    (known) => known?.operator ?? null,
    () => {
      operator = undefined
      return null
    },
  )
  return operator
}

/** @type {(answer: Response) => Promise<Refused>} */
async function refusalOf(answer) {
  const { code, detail } = await answer.json()
  return new Refused(answer.status, code, detail)
}

/**
 * All requests wait for the same token.
 * @type {{ promise: Promise<void>, given: () => void, wasRefused: boolean } | undefined}
 */
let wanted
/** @type {(isWanted: boolean) => void} */
let told = () => {}

/** Calls the listener when a token is needed, and when one was given. @type {(listener: (isWanted: boolean) => void) => void} */
export function onTokenWanted(listener) {
  told = listener
}

/** @type {(wasRefused: boolean) => Promise<void>} */
function newToken(wasRefused) {
  if (wanted) return wanted.promise
  sessionStorage.removeItem(TOKEN)
  let given = () => {}
  /** @type {Promise<void>} */
  const promise = new Promise((resolve) => {
    given = resolve
  })
  wanted = { promise, given, wasRefused }
  told(true)
  return promise
}

export const wasTokenRefused = () => wanted?.wasRefused ?? false

/** @type {(token: string) => void} */
export function giveToken(token) {
  sessionStorage.setItem(TOKEN, token)
  wanted?.given()
  wanted = undefined
  told(false)
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null

export function forgetToken() {
  sessionStorage.removeItem(TOKEN)
  // Removes everything that was read with the token.
  location.reload()
}
