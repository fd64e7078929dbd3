// The rules as they are without any setting, and with some, for tests.
import { readConfig } from '@orders/shared/runtime'
import { reachedBy } from '../channels/providers.ts'
import { NotificationConfig } from '../config.ts'
import type { Templates } from '../rendering/templates.ts'
import { ruleSettingsOf, type Terms } from '../rules/settings.ts'
import { set, style } from './templates.ts'

const templates: Templates = {
  current: set,
  render: async (words, unsubscribe) => set.render(words, unsubscribe),
  subject: async (words) => set.subject(words),
  setOf: () => set,
}

export function termsWith(settings: Record<string, string>): Terms {
  const config = readConfig(NotificationConfig, settings)
  return { style, templates, settings: ruleSettingsOf(config), unsubscribe: config, reaches: reachedBy(config) }
}

export const terms = termsWith({})
