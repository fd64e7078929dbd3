// What audit-service reads from the environment.
import { configWith, Days } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const AuditConfig = configWith({
  auditGapAfterMs: Type.Integer({
    minimum: 100,
    maximum: 86_400_000,
    default: 60_000,
    description:
      'How long an event may wait for the one that follows it before the audit calls that missing, in milliseconds.',
  }),
  auditBacklogAfterMs: Type.Integer({
    minimum: 1_000,
    maximum: 86_400_000,
    default: 60_000,
    description:
      'How old the oldest message of a queue that does not become shorter may be before the console says that the queue backs up, in milliseconds.',
  }),
  auditOrigin: Type.String({
    default: 'localhost/audit',
    maxLength: 200,
    pattern: '^[!-*,-~]+$',
    description:
      'Name of the audit log in its checkpoints: the address at which outsiders read it, without scheme. It never changes.',
  }),
  auditSigningKey: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9+/=]+$',
      description:
        'Ed25519 private key that signs checkpoints, PKCS#8 DER in base64; the same for all copies. Default: a file in DATA_DIR, made at the first start.',
    }),
  ),
  auditCheckpoints: Type.Optional(
    Type.String({
      pattern: '^[^,\\s]+(,[^,\\s]+)*$',
      description:
        'Where checkpoints go besides: files that are appended to, and URLs that they are posted to, separated by commas; best on another host.',
    }),
  ),
  auditCheckpointMs: Type.Integer({
    minimum: 1_000,
    maximum: 3_600_000,
    default: 1_000,
    description: 'How often the audit looks for events that no checkpoint covers yet, in milliseconds.',
  }),
  auditCheckMs: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How often the audit checks the next few blocks of its log in the background, in milliseconds.',
  }),
  keepAuditDays: Type.String({
    ...Days(60),
    default: 'forever',
    description:
      'How many days events stay in the database, 60 or more, or forever; whole months that are older leave it as files. All copies must be of this version.',
  }),
  auditArchiveDir: Type.Optional(
    Type.String({
      description: 'Folder of those files, the same for all copies. Default: audit-archive in DATA_DIR.',
    }),
  ),
  keepFailedDays: Type.String({
    ...Days(8),
    default: '90',
    description: 'How many days failed messages are kept that an operator has dealt with, 8 or more, or forever.',
  }),
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
})
export type AuditConfig = Static<typeof AuditConfig>
