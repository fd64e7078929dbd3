// Changes what a customer decided: one change after the other, so that none undoes another.
import type { GroupCommit } from '@orders/shared/messaging'
import type { Preferences } from './preferences.ts'
import { preferencesOf, savePreferences } from './store.ts'

export function changePreferences(
  commit: GroupCommit,
  recipient: string,
  change: (before: Preferences) => Preferences,
  at: string,
): Promise<Preferences> {
  return commit.submit(
    async (tx) => {
      const preferences = change(await preferencesOf(tx, recipient))
      await savePreferences(tx, recipient, preferences, at)
      return { result: preferences, messages: [] }
    },
    { keys: [`preferences ${recipient}`] },
  )
}
