// Preferences and the unsubscribe link, over HTTP and in the mail that a real SMTP server takes.
import { InventoryReserved } from '@orders/shared/contracts'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { startMailServer } from '../mail-server.ts'
import { openServices } from '../running.ts'

const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T09:30:00.000Z'
const customer = { to: { customerId: 'gayal <gayal@example.org>' }, subject: 'News', body: 'It is new.' }
const preferencesPath = `/customers/${encodeURIComponent(customer.to.customerId)}/preferences`
const URL_BASE = 'https://notify.example.com/customers'

async function opened() {
  const server = await startMailServer()
  onTestFinished(() => server.close())
  const env = {
    SMTP_URL: server.url,
    UNSUBSCRIBE_URL: URL_BASE,
    UNSUBSCRIBE_SECRET: 'a-secret-of-more-than-thirty-two-characters',
  }
  const services = await openServices({ env })
  const { put, post, hear, get } = services
  const addresses = { email: 'gayal@example.org', phone: '+94 112 345 678' }
  await put(`/customers/${encodeURIComponent(customer.to.customerId)}`, { addresses })
  const send = async (body: object) => (await post('/notifications', body)).body.id as string
  const headersOf = async (body: object) => {
    const id = await send(body)
    await hear(`${id}/notification.sent/direct.email`)
    const headers = server.accepted.at(-1)?.mail.headers ?? []
    return new Map(headers.map(({ key, value }) => [key, value]))
  }
  const linkOf = async (body: object) => {
    const link = (await headersOf(body)).get('list-unsubscribe') ?? ''
    expect(link).toMatch(/^<https:\/\/notify\.example\.com\/customers\/unsubscribe\/[A-Za-z0-9_.-]+>$/)
    return link.slice(URL_BASE.length + 1, -1)
  }
  const oneClick = (path: string, type = 'application/x-www-form-urlencoded') => {
    const body = 'List-Unsubscribe=One-Click'
    const url = services.running[0]?.url + path
    const form = new FormData()
    form.set('List-Unsubscribe', 'One-Click')
    return type.startsWith('multipart')
      ? fetch(url, { method: 'POST', body: form })
      : fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
  }
  const standing = async (id: string) => (await get(`/notifications/${id}`)).body.deliveries
  return { ...services, server, send, headersOf, linkOf, oneClick, standing }
}

it('a mail that is not transactional says how to unsubscribe by one click; a transactional one does not', async () => {
  const { headersOf, say, hear, server, standing } = await opened()
  const headers = await headersOf({ ...customer, category: 'newsletter' })
  expect(headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
  expect(headers.get('list-unsubscribe')).not.toContain('example.org')
  expect((await headersOf({ ...customer, category: 'payment' })).has('list-unsubscribe')).toBe(false)
  await say(InventoryReserved.of('1', at, { user: 'g', priority: 'standard', lines: [], totalCents: 0 }))
  await hear('1/notification.sent/order.created.email')
  expect(server.accepted.at(-1)?.mail.headers.map(({ key }) => key)).not.toContain('list-unsubscribe')
  expect(server.accepted.at(-1)?.mail.html).not.toContain('nsubscribe')
  expect(await standing('1.order.created')).toMatchObject([{ status: 'sent' }])
})

it('the mail shows the same link as its header, and both are in the language of the mail, as is the page', async () => {
  const { linkOf, server, oneClick, running } = await opened()
  const path = await linkOf({ ...customer, locale: 'de-AT', category: 'newsletter' })
  const { text = '', html = '' } = server.accepted.at(-1)?.mail ?? {}
  expect(text).toContain(`Abbestellen: ${URL_BASE}${path}\n`)
  expect(html).toContain(`href="${URL_BASE}${path}"`)
  const page = await (await fetch(running[0]?.url + path)).text()
  expect(page).toContain('<html lang="de">')
  expect(page).toContain('<form method="post"><button>Newsletter abbestellen</button></form>')
  expect(await (await oneClick(path)).text()).toContain('keine E-Mails zum Thema Newsletter mehr')
  await linkOf({ ...customer, category: 'tips' })
  expect(server.accepted.at(-1)?.mail.text).toContain('\nUnsubscribe: https://')
})

it('the click ends that category’s mails, of what waits already too, and nothing else; to look changes nothing', async () => {
  const { linkOf, oneClick, send, get, hear, clock, running, standing } = await opened()
  const path = await linkOf({ ...customer, category: 'newsletter' })
  const held = await send({ ...customer, category: 'newsletter', sendAt: later })
  const page = await fetch(running[0]?.url + path)
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page.headers.get('content-security-policy')).toContain("form-action 'self'")
  expect(await page.text()).toMatch(/<form method="post"><button>Unsubscribe from Newsletter<\/button><\/form>/)
  expect((await get(preferencesPath)).body).toEqual({ categories: {} })

  expect((await oneClick(path)).status).toBe(200)
  expect((await oneClick(path, 'multipart/form-data')).status).toBe(200)
  expect((await get(preferencesPath)).body).toEqual({ categories: { newsletter: { email: false } } })
  const fresh = await send({ ...customer, category: 'newsletter' })
  await hear(`${fresh}/notification.opted_out/direct.email`)
  await hear(`${fresh}/notification.sent/direct.sms`)
  clock.now = later
  await hear(`${held}/notification.opted_out/direct.email`)
  const other = await send({ ...customer, category: 'tips' })
  await hear(`${other}/notification.sent/direct.email`)
  expect(await standing(held)).toMatchObject([
    { channel: 'email', status: 'opted_out' },
    { channel: 'sms', status: expect.stringMatching(/waiting|sent/) },
  ])
  expect((await get('/notifications?status=opted_out')).body.notifications).toHaveLength(2)
})

it.each([
  '{"shown":1}',
  '{"shown":["a"]}',
  '{"shown":"newsletter/email"}',
  '{"List-Unsubscribe":"One-Click"}',
  '{}',
  '[]',
  '"x"',
  'null',
  '',
])('what is no form is refused, and ends nothing: %s', async (body) => {
  const { linkOf, get, running } = await opened()
  const url = running[0]?.url + (await linkOf({ ...customer, category: 'newsletter' }))
  for (const type of ['application/json', 'text/plain', 'application/octet-stream']) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([415, 'unsupported_media_type'])
  }
  expect((await get(preferencesPath)).body).toEqual({ categories: {} })
})

it('the page saves what its boxes say, by every channel of the customer, and undoes it, without a script', async () => {
  const { linkOf, get, running } = await opened()
  const url = running[0]?.url + (await linkOf({ ...customer, category: 'newsletter' }))
  const page = await (await fetch(url)).text()
  const fieldsOf = (html: string) => [...html.matchAll(/<input [^>]*name="([^"]+)"[^>]*>/g)]
  const shown = fieldsOf(page).map(([, name = '']) => name)
  expect(shown).toEqual(expect.arrayContaining(['newsletter/email', 'newsletter/sms', 'offers/email', 'tips/sms']))
  expect(shown).not.toContain('order/email')

  const send = async (form: Record<string, string>) =>
    (await fetch(url, { method: 'POST', body: new URLSearchParams(form) })).text()
  const all = /name="shown" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const saved = await send({
    shown: all,
    'newsletter/sms': 'on',
    'offers/email': 'on',
    'offers/sms': 'on',
    'order/email': 'on',
  })
  const off = { email: false, sms: false }
  expect((await get(preferencesPath)).body).toEqual({
    categories: { newsletter: { email: false }, tips: off, direct: off },
  })
  const [undo = ''] = /<form method="post">(?:(?!<\/form>).)*name="undo" value="on">/.exec(saved) ?? []
  const before = fieldsOf(undo).map(([field, name = '']) => [name, /value="([^"]*)"/.exec(field)?.[1] ?? ''] as const)
  expect(await send(Object.fromEntries(before))).toContain('Undone.')
  expect((await get(preferencesPath)).body).toEqual({ categories: {} })
})

it.each([
  ['to the customer', customer.to],
  ['to the address of that customer', { email: 'gayal@example.org' }],
])('what waits %s for its next attempt when the click comes is not sent', async (_, to) => {
  const { linkOf, oneClick, send, hear, hasten, server, standing } = await opened()
  const path = await linkOf({ ...customer, category: 'newsletter' })
  server.refuse('data', 451)
  const waiting = await send({ ...customer, to, category: 'newsletter', channels: ['email'] })
  await eventually('it was tried', async () => (await standing(waiting))[0]?.attempts === 1)
  await oneClick(path)
  await hasten()
  await hear(`${waiting}/notification.opted_out/direct.email`)
  expect(server.accepted).toHaveLength(1)
  expect(await standing(waiting)).toMatchObject([{ status: 'opted_out', attempts: 1 }])
})

it('who is no customer unsubscribes an address, however it is written, and only by mail', async () => {
  const { linkOf, oneClick, send, hear } = await opened()
  const tip = { to: { email: 'Somebody@example.org' }, subject: 'Tip', body: 'A tip.', category: 'tips' }
  const path = await linkOf(tip)
  expect(Buffer.from(path, 'base64url').toString()).not.toMatch(/somebody/i)
  await oneClick(path)
  const id = await send({ ...tip, to: { email: 'somebody@EXAMPLE.org', phone: '+94 112 345 678' } })
  await hear(`${id}/notification.opted_out/direct.email`)
  await hear(`${id}/notification.sent/direct.sms`)
})

it('a forged or cut link changes nothing, and no log shows a link or a customer', async () => {
  const { linkOf, oneClick, get, running, lines } = await opened()
  const path = await linkOf({ ...customer, category: 'newsletter' })
  for (const wrong of [path.slice(0, -4), path.replace('/unsubscribe/', '/unsubscribe/A'), '/unsubscribe/x.y']) {
    const answer = await oneClick(wrong)
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'no_such_link'])
    const page = await fetch(running[0]?.url + wrong, { headers: { accept: 'text/html,*/*;q=0.8' } })
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    expect(await page.text()).toContain('<h1>This link does not work</h1>')
  }
  expect((await get(preferencesPath)).body).toEqual({ categories: {} })
  const told = JSON.stringify([...lines, ...running.flatMap((one) => one.lines)])
  expect(told).toContain('/unsubscribe/:token')
  expect(told).not.toContain(path.slice('/unsubscribe/'.length, 40))
  expect(told).not.toMatch(/gayal|%3C|example\.org/)
})

it('preferences are set as a whole, each faulty field named, and a transactional category keeps a channel', async () => {
  const { put, get, asked } = await opened()
  const off = { email: false, sms: false, push: false, webhook: false }
  const set = {
    quietHours: '22:00-08:00',
    timeZone: 'Asia/Kathmandu',
    categories: { newsletter: off, order: { sms: false } },
  }
  expect((await put(preferencesPath, set)).body).toEqual(set)
  expect((await get(preferencesPath)).body).toEqual(set)
  const ifMatch = { 'if-match': (await get(preferencesPath)).headers.get('etag') ?? '' }
  const replaced = await asked('PUT', preferencesPath, { quietHours: null }, ifMatch)
  expect(replaced.body).toEqual({ quietHours: null, categories: {} })
  const faults = async (body: object) => {
    const answer = await put(preferencesPath, body)
    expect(answer.status).toBe(400)
    return [answer.body.code, ...answer.body.errors.map(({ field }: { field: string }) => field)]
  }
  expect(await faults({ timeZone: 'Mars/Olympus' })).toEqual(['invalid_input', 'timeZone'])
  expect(await faults({ timeZone: '+01:00' })).toEqual(['invalid_input', 'timeZone'])
  expect(await faults({ quietHours: '22:00-24:00' })).toEqual(['invalid_input', 'quietHours'])
  expect(await faults({ categories: { order: { letter: false } } })).toEqual([
    'invalid_input',
    'categories.order.letter',
  ])
  expect(await faults({ categories: { order: off } })).toEqual(['transactional_category', 'categories.order'])
  expect((await asked('GET', '/customers//preferences')).status).toBe(400)
  expect((await get(preferencesPath)).body).toEqual({ quietHours: null, categories: {} })
})
