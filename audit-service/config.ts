// What audit-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const AuditConfig = configWith({
  auditGapAfterMs: Type.Integer({
    minimum: 100,
    maximum: 86_400_000,
    default: 60_000,
    description:
      'How long an event may wait for the one that follows it before the audit calls that missing, in milliseconds.',
  }),
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
})
export type AuditConfig = Static<typeof AuditConfig>
