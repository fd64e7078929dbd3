// A database as it was before anything was held, brought up to date: for both databases.
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, migrate } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { onTestFinished } from 'vitest'

const FOLDER = join(import.meta.dirname, '..', 'migrations')
const BEFORE = '008'

/** One notification, sent by mail, failed by SMS and waiting by push, as version 007 kept it. */
export async function upgraded(database: Database): Promise<void> {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  const older = join(scratch.path, 'migrations')
  await mkdir(older)
  for (const name of await readdir(FOLDER)) if (name < BEFORE) await cp(join(FOLDER, name), join(older, name))
  await migrate(database, [older])
  const words = {
    template: 'message',
    version: 'v1',
    locale: null,
    currency: 'EUR',
    data: { subject: 'Hi', paragraphs: [] },
  }
  const payload = { addresses: { email: 'Ann@example.org', sms: '+43 1', push: 'token' }, words }
  await database.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at)
     values ('1.order.paid', '1', '1', 'order.paid', 'order', 4, 3, ?, '2026-11-20T08:00:00.000Z')`,
    JSON.stringify(payload),
  )
  await database.run(
    `insert into deliveries (notification_id, channel, status, attempts, error, updated_at)
     values ('1.order.paid', 'email', 'sent', 1, null, '2026-11-20T08:00:01.000Z'),
       ('1.order.paid', 'sms', 'failed', 4, 'no', '2026-11-20T08:00:02.000Z')`,
  )
  await migrate(database, [FOLDER])
}
