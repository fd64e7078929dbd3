// An event as stories need it, and what is expected to follow it.

/** The data may be of any version. */
export interface Told {
  id: string
  type: string
  subject: string
  source: string
  time: string
  data: unknown
}

/** Any one of `oneOf` must follow. Each is a type, or a type with its detail. */
export interface Expectation {
  oneOf: string[]
  /** Events that make it unnecessary, such as an opt-out or an expiry. */
  unless?: string[]
  /** How many times the usual wait is allowed. */
  patience: number
  /** Shown in place of the event's key, if that is longer than people need. */
  after?: string
  held?: Hold
}

/** A hold by a rule, not a fault. `because` names the rule, such as quiet hours. */
export interface Hold {
  until: string
  because: string
}

/** The id without its subject: the type, with the detail if there is one. */
export function keyOf({ id, subject, type }: Told): string {
  return id.startsWith(`${subject}/`) ? id.slice(subject.length + 1) : type
}

/** The part of the id after the type. */
export function detailOf(event: Told): string {
  return keyOf(event).slice(event.type.length + 1)
}
