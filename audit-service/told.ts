// An event as stories need it, and what should follow it.

/** Its data may be of any version. */
export interface Told {
  id: string
  type: string
  subject: string
  source: string
  time: string
  data: unknown
}

/** What an event should be followed by: any one of `oneOf`, each a type or a type with its detail. */
export interface Expectation {
  oneOf: string[]
  /** What makes it needless: the customer's wish, or the time that passed. */
  unless?: string[]
  /** How many times as long as usual it may take. */
  patience: number
  /** Where the event's own key is longer than what people need. */
  after?: string
  held?: Hold
}

/** A rule's, and not a fault: `because` of quiet hours, for example. */
export interface Hold {
  until: string
  because: string
}

/** The id without its subject: the type, and the detail where a type alone is not enough. */
export function keyOf({ id, subject, type }: Told): string {
  return id.startsWith(`${subject}/`) ? id.slice(subject.length + 1) : type
}

/** What stands behind the type in the id. */
export function detailOf(event: Told): string {
  return keyOf(event).slice(event.type.length + 1)
}
