// The rules as they are without any setting, and with some, for tests.
import { readConfig } from '@orders/shared/runtime'
import { reachedBy } from '../channels/providers.ts'
import { NotificationConfig } from '../config.ts'
import { courseOfOrders } from '../orders/course.ts'
import type { NewsStyle } from '../orders/words.ts'
import type { Templates } from '../rendering/templates.ts'
import { ruleSettingsOf, type Terms } from '../rules/settings.ts'
import { set, style } from './templates.ts'

const templates: Templates = {
  current: set,
  render: async (words, unsubscribe) => set.render(words, unsubscribe),
  subject: async (words) => set.subject(words),
  setOf: () => set,
}

export function termsWith(settings: Record<string, string>): Terms & { style: NewsStyle } {
  // One customer and one address stand for many here.
  const config = readConfig(NotificationConfig, {
    CONTACT_ADDRESSES_PER_HOUR: '0',
    CONTACT_ORDERS_PER_HOUR: '0',
    ...settings,
  })
  const rules = ruleSettingsOf(config, config.defaultEmailDomain)
  return {
    ...{ style, templates, settings: rules, unsubscribe: config, reaches: reachedBy(config) },
    ...{ course: courseOfOrders, phoneCountry: undefined },
  }
}

export const terms = termsWith({})
