// What is urgent does not stand in line: asked for over HTTP while bulk mails wait, it goes before all that no worker holds yet.
import { deferred } from '@orders/shared/runtime'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { PREFETCH } from '../../channels/prefetch.ts'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const mailTo = (name: string, priority: 'urgent' | 'bulk') => ({
  to: { email: `${name}@example.org` },
  subject: 'News',
  body: 'It is new.',
  priority,
})
const BEHIND = 40

it('an urgent mail overtakes the bulk mails that wait', async () => {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const { post, hear, said } = await openServices({ env: { SMTP_URL: server.url } })
  const gate = deferred()
  server.answerAfter(gate.promise)
  const bulk = PREFETCH.email + BEHIND
  await post(
    '/notifications',
    Array.from({ length: bulk }, (_, number) => mailTo(`bulk-${number}`, 'bulk')),
  )
  await eventually('all are asked for, and some are at the mail server', () => {
    return (said().length === bulk && server.accepted.length > 0) || undefined
  })
  const { body } = await post('/notifications', mailTo('urgent', 'urgent'))
  await hear(`${body.id}/notification.requested/direct`)
  gate.resolve()
  await hear(`${body.id}/notification.sent/direct.email`)
  await eventually('all are sent', () => server.accepted.length === bulk + 1 || undefined)
  const place = server.accepted.findIndex(({ to }) => to[0] === 'urgent@example.org')
  // Behind what the worker had in hand already, or got at the same moment.
  expect(place).toBeLessThan(PREFETCH.email + BEHIND / 2)
})
