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
  // One customer and one address stand for many here.
  const config = readConfig(NotificationConfig, {
    CONTACT_ADDRESSES_PER_HOUR: '0',
    CONTACT_ORDERS_PER_HOUR: '0',
    ...settings,
  })
  return { style, templates, settings: ruleSettingsOf(config), unsubscribe: config, reaches: reachedBy(config) }
}

export const terms = termsWith({})
