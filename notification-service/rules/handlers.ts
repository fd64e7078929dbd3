// Changes the preferences of a recipient. Changes run one after the other, so none overwrites another. `demand` throws
// if its precondition on the stored preferences fails.
import { about, type Work } from '@orders/shared/messaging'
import { noPreferences, type Preferences } from './preferences.ts'
import { preferences } from './store.ts'

export function changePreferences(
  recipient: string,
  change: (before: Preferences) => Preferences,
  at: string,
  demand: (before: Preferences | undefined) => void = () => undefined,
): Work<Preferences> {
  return about(preferences, recipient, (known) => {
    demand(known)
    const before = known ?? noPreferences
    const after = change(before)
    return { state: { ...after, updatedAt: at }, messages: [], result: after }
  })
}
