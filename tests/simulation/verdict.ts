// What a check found.

export interface Violation {
  check: string
  /** The order, or what else it is about. */
  subject: string
  what: string
}

export interface Check {
  name: string
  /** How many things it looked at. */
  looked: number
  violations: Violation[]
}
