// The settings that audit-service reads from the environment.
import { configWith, Days } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const AuditConfig = configWith({
  auditGapAfterMs: Type.Integer({
    minimum: 100,
    maximum: 86_400_000,
    default: 60_000,
    description:
      'How long an event that should follow another may take before audit-service calls it missing, in milliseconds.',
  }),
  auditBacklogAfterMs: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 60_000,
    description:
      'How old the oldest message of a queue that does not get shorter may be, in milliseconds, before the console says that the queue backs up.',
  }),
  auditOrigin: Type.String({
    default: 'localhost/audit',
    maxLength: 200,
    pattern: '^[!-*,-~]+$',
    description:
      'Name of the audit log in its checkpoints: the URL at which outsiders read it, without the scheme. Never change it.',
  }),
  auditSigningKey: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/=]+$',
      description:
        'Ed25519 private key that signs checkpoints, as PKCS#8 DER in base64; the same for all copies. Default: audit-signing-key.der in DATA_DIR, made at the first start.',
    }),
  ),
  auditCheckpoints: Type.Optional(
    Type.String({
      pattern: '^[^,\\s]+(,[^,\\s]+)*$',
      description:
        'Where else audit-service keeps its checkpoints, separated by commas: files, to which it appends them, and URLs, to which it posts them. Best on another host.',
    }),
  ),
  auditCheckpointMs: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 1_000,
    description: 'How often audit-service signs a checkpoint if there are new events, in milliseconds.',
  }),
  auditCheckMs: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often audit-service checks the next few blocks of its log in the background, in milliseconds.',
  }),
  keepAuditDays: Type.String({
    ...Days(60),
    default: 'forever',
    description:
      'For how many days events stay in the database: 60 or more, or forever. audit-service moves whole months that are older to files. Set it only when every copy of audit-service is of this version.',
  }),
  auditArchiveDir: Type.Optional(
    Type.String({
      description: 'Folder of the files with old months, the same for all copies. Default: audit-archive in DATA_DIR.',
    }),
  ),
  keepFailedDays: Type.String({
    ...Days(8),
    default: '90',
    description: 'For how many days failed messages that an operator has dealt with are kept: 8 or more, or forever.',
  }),
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
})
export type AuditConfig = Static<typeof AuditConfig>
