// One customer, however the name is spelled: blanks around it, and letters composed or not, tell no two customers apart.
import { readFile } from 'node:fs/promises'
import { InventoryReserved, OrderPaid } from '@orders/shared/contracts'
import { openSqlite } from '@orders/shared/storage'
import { expect, it } from 'vitest'
import { forgetterOf } from '../../forgetting/forget.ts'
import { unsubscribeToken } from '../../rules/unsubscribe.ts'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const words = { subject: 'News', body: 'It is new.' }
const order = {
  priority: 'standard' as const,
  lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 100 }],
  totalCents: 100,
}
const [COMPOSED, DECOMPOSED] = ['ren\u00e9', 'rene\u0301']
const pathOf = (user: string) => `/customers/${encodeURIComponent(user)}`

it.each([
  ['ann', ' ann'],
  ['ann', 'ann '],
  ['ann', '\u00a0ann\u3000'],
  [' ann', 'ann'],
  [COMPOSED, DECOMPOSED],
  [DECOMPOSED, COMPOSED],
])(
  'news of an order go to the address that %j has, in their language, also where the order says %j',
  async (one, other) => {
    const { put, get, say, hear } = await openServices()
    await put(pathOf(one), { addresses: { email: 'Ann@own.test' }, locale: 'de' })
    await put(`${pathOf(one)}/preferences`, { categories: { order: { sms: false } } })
    await say(InventoryReserved.of('1', at, { ...order, user: other }))
    await hear('1/notification.sent/order.created.email')
    expect((await get('/notifications/1.order.created')).body).toMatchObject({
      addresses: { email: 'Ann@own.test' },
      locale: 'de',
      customerId: one.normalize('NFC').trim(),
    })
    expect((await get(pathOf(other))).body).toMatchObject({ addresses: { email: 'Ann@own.test' } })
    const contact = { email: 'ann@own.test', phone: '+431234567' }
    await say(OrderPaid.of('1', at, { ...order, user: other, contact }))
    await hear('1/notification.opted_out/order.paid.sms')
    const { id } = (await get('/notifications?orderId=1')).body.notifications[0]
    expect(id).toBe('1.order.paid')
  },
)

it('what is asked for directly, and a link of an earlier version, are about the same customer', async () => {
  const secrets = { UNSUBSCRIBE_URL: 'https://shop.example', UNSUBSCRIBE_SECRET: 'x'.repeat(40) }
  const { put, get, post, hear, folder, running } = await openServices({ env: secrets })
  await put(pathOf(COMPOSED), { addresses: { email: 'rene@own.test' } })
  const send = async (customerId: string) =>
    (await post('/notifications', { to: { customerId }, ...words, category: 'newsletter' })).body.id as string
  const id = await send(` ${DECOMPOSED}`)
  await hear(`${id}/notification.sent/direct.email`)
  const mail = (await readFile(`${folder}/mail/${id}.eml`, 'utf8')).replace(/\r\n[ \t]/g, '')
  const [, token = ''] = /List-Unsubscribe:\s*<https:\/\/shop\.example\/unsubscribe\/([^>]+)>/.exec(mail) ?? []
  expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())[0]).toBe(`customer ${COMPOSED}`)
  const about = { recipient: `customer ${DECOMPOSED} `, category: 'newsletter' }
  const older = unsubscribeToken(about, secrets.UNSUBSCRIBE_SECRET)
  expect((await fetch(`${running[0]?.url}/unsubscribe/${older}`, { method: 'POST' })).status).toBe(200)
  expect((await get(`${pathOf(DECOMPOSED)}/preferences`)).body).toEqual({
    categories: { newsletter: { email: false } },
  })
  await hear(`${await send(COMPOSED)}/notification.opted_out/direct.email`)
})

it('of blanks alone nobody is named', async () => {
  const { put, get, post } = await openServices()
  expect((await put(pathOf(' \u3000'), { addresses: { email: 'a@b.test' } })).status).toBe(400)
  expect((await get(pathOf(' '))).status).toBe(400)
  expect((await post('/notifications', { to: { customerId: ' ' }, ...words })).status).toBe(400)
})

it.each([
  [COMPOSED, DECOMPOSED],
  [`${COMPOSED} `, COMPOSED],
])('whom the shop calls %j is forgotten also as %j', async (one, other) => {
  const { put, get, folder } = await openServices()
  await put(pathOf(one), { addresses: { email: 'rene@own.test' } })
  await put(`${pathOf(one)}/preferences`, { categories: { newsletter: { email: false } } })
  const database = openSqlite(`${folder}/notification-service.db`)
  const submit = async () => expect.unreachable('nothing is open')
  await forgetterOf({ database, commit: { submit }, now: () => new Date(at) })([
    { ownerId: `cus_${'a'.repeat(26)}`, names: [other], subjects: [] },
  ])
  await database.close()
  expect((await get(pathOf(one))).status).toBe(404)
  expect((await get(`${pathOf(one)}/preferences`)).body).toEqual({ categories: {} })
})
