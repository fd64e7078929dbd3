// Every limit of the HTTP side in one place: what a client may send, how long it may take, and how many may ask at once.

/** All of them can be lowered by tests; what operators set comes from the configuration. */
export interface HttpLimits {
  /** A body beyond it is answered 413. */
  bodyMaxBytes: number
  /** Request line and headers together; beyond it 431. Node's own default, said so that it stays. */
  headersMaxBytes: number
  /** Path and query; beyond it 414. Longer than any valid id, so that a bad one is told as a bad field. */
  urlMaxLength: number
  /** From the first byte of a request to the last of its headers; then 408, and the connection is closed. */
  headersTimeoutMs: number
  /** From the first byte of a request to the last of its body; then 408, and the connection is closed. */
  requestTimeoutMs: number
  /** How often the two above are looked at; Node's own default of 30 s would let a slow client stay four times as long. */
  timeoutsCheckedEveryMs: number
  /** A connection on which nothing is sent or received is closed: between requests, or in the middle of one. */
  idleTimeoutMs: number
  /** Open connections; beyond it a new one is closed at once. */
  connectionsMax: number
  /** Requests that are being worked on; beyond it 503 `overloaded`. */
  requestsMax: number
}

/** How many faults of one request are told. */
export const FAULTS_MAX = 50

export const HTTP_LIMITS: HttpLimits = {
  bodyMaxBytes: 262_144,
  headersMaxBytes: 16_384,
  urlMaxLength: 8_192,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  timeoutsCheckedEveryMs: 1_000,
  idleTimeoutMs: 30_000,
  connectionsMax: 4_096,
  requestsMax: 500,
}
