// The choices that the preference centre offers: for each category, every channel and the digest, and whether it is on.
import { type Channel, channels } from '@orders/shared/contracts'
import type { Preferences } from '../rules/preferences.ts'

/** A channel, or the digest. */
export type Way = Channel | 'digest'
export const ways: readonly Way[] = [...channels, 'digest']

export interface Choice {
  category: string
  way: Way
  isOn: boolean
}

/** Categories that the shop gathers into digests unless a customer decides otherwise. */
export type Digested = ReadonlySet<string>

export function choicesOf(
  { categories }: Preferences,
  offered: { categories: readonly string[]; channels: readonly Channel[] },
  digested: Digested,
): Choice[] {
  return offered.categories.flatMap((category) => {
    const decided = categories[category] ?? {}
    const byChannel = offered.channels.map((way): Choice => ({ category, way, isOn: decided[way] !== false }))
    const isGathered = decided.digest ?? digested.has(category)
    const isAsked = decided.digest !== undefined || digested.has(category)
    return isAsked ? [...byChannel, { category, way: 'digest', isOn: isGathered }] : byChannel
  })
}

/** Stores only what differs from the shop's default, so that an undone change leaves nothing behind. */
export function withChoices(before: Preferences, choices: readonly Choice[], digested: Digested): Preferences {
  const categories = { ...before.categories }
  for (const { category, way, isOn } of choices) {
    const { [way]: _, ...others } = categories[category] ?? {}
    const isUsual = isOn === (way === 'digest' ? digested.has(category) : true)
    const decided = isUsual ? others : { ...others, [way]: isOn }
    if (Object.keys(decided).length === 0) delete categories[category]
    else categories[category] = decided
  }
  return { ...before, categories }
}

/** The form field of a choice. */
export const fieldOf = ({ category, way }: Omit<Choice, 'isOn'>) => `${category}/${way}`

/**
 * The form field that lists the choices shown. It is needed because browsers send nothing for a box that is not ticked.
 */
export const SHOWN = 'shown'

/** The choices in a form. Undefined if the form is not the preference centre's but a one-click unsubscribe. */
export function choicesIn(form: Record<string, string>, offered: readonly Choice[]): Choice[] | undefined {
  const shown = form[SHOWN]?.split(' ')
  if (!shown) return undefined
  return offered
    .filter((choice) => shown.includes(fieldOf(choice)))
    .map((choice) => ({ ...choice, isOn: Object.hasOwn(form, fieldOf(choice)) }))
}
