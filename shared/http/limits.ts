// Every limit of the HTTP server: what a client may send, how long it may take, and how many may ask at a time.

/** Tests can lower all of them. Operators set some by configuration. */
export interface HttpLimits {
  /** A larger body is answered 413. */
  bodyMaxBytes: number
  /** Request line and headers together; beyond it 431. Set explicitly to Node's default, so that it stays the same. */
  headersMaxBytes: number
  /** Path and query; beyond it 414. Longer than any valid id, so that a bad id is reported as a bad field. */
  urlMaxLength: number
  /** From the first byte of a request to the end of its headers. Then 408, and the connection is closed. */
  headersTimeoutMs: number
  /** From the first byte of a request to the end of its body. Then 408, and the connection is closed. */
  requestTimeoutMs: number
  /**
   * How often the two limits above are checked. Node's default of 30 s would let a slow client stay up to four times as long.
   */
  timeoutsCheckedEveryMs: number
  /** A connection without traffic is closed after this time, between requests or within one. */
  idleTimeoutMs: number
  /** Open connections. A further one is closed at once. */
  connectionsMax: number
  /** Requests in progress; beyond it 503 `overloaded`. */
  requestsMax: number
}

/** At most this many faults of a request are reported. */
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
