// `npm run demo`: places an order of every kind on the running system, waits until each has ended, tells each story.
import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import { planServices } from './services/plan.ts'

interface Kind {
  title: string
  order: object
  /** What the customer or an operator does while the order is on its way. */
  afterwards?: (orderId: string) => Promise<void>
}

interface Story {
  ended: string | null
  durationMs: number
  entries: { afterMs: number; service: string; type: string; sentence: string }[]
  gaps: { missing: string[]; after: string | null }[]
}

const PATIENCE_MS = 90_000
const urls = new Map(planServices(process.env, '').map(({ label, url }) => [label, url]))
const token = process.env.OPERATOR_TOKENS?.split(',')[0]
const say = (line = '') => process.stdout.write(`${line}\n`)

const big = [{ sku: 'item10', quantity: 11 }]
const kinds: Kind[] = [
  { title: 'two items, paid and delivered', order: { items: ['item1', 'item2'] } },
  {
    title: 'express, with notifications by every channel',
    order: {
      items: [{ sku: 'item3', quantity: 2 }],
      priority: 'express',
      contact: { email: 'ida@example.org', phone: '+49 170 1', push: 'device-1', webhook: 'https://example.org/hook' },
    },
  },
  { title: 'at the price that the customer agreed to', order: { items: ['item2'], expectedTotalCents: 2_000 } },
  { title: 'something sold out', order: { items: ['item1', 'soldout'] } },
  { title: 'the card is declined', order: { items: ['item4'], paymentMethod: 'tok_declined' } },
  { title: 'so expensive that the customer must confirm, and does', order: { items: big }, afterwards: confirm },
  { title: 'the customer cancels in time', order: { items: big }, afterwards: cancel },
  { title: 'the carrier does not deliver there', order: { items: ['item5'], shippingAddress: 'Nowhere 1' } },
  { title: 'the payment provider takes its time', order: { items: ['item6'], paymentMethod: 'tok_slow' } },
  {
    title: 'the payment provider stays down, and an operator gives it up',
    order: { items: ['item7'], paymentMethod: 'tok_gateway_down' },
    afterwards: giveUp,
  },
]

try {
  await demo()
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function demo(): Promise<void> {
  await requireSystem()
  const run = Date.now().toString(36)
  const orders = kinds.map((kind, index) => ({ ...kind, orderId: `demo-${run}-${index + 1}` }))
  for (const { order, orderId } of orders) await post('order', '/orders', { user: 'gayal', orderId, ...order })
  say(`${orders.length} orders placed. The story of each, once it has ended:`)
  await Promise.all(orders.map(({ afterwards, orderId }) => afterwards?.(orderId)))
  for (const { title, orderId } of orders) tell(title, orderId, await storyOf(orderId))
  say(`\nThe mails are in ${process.env.DATA_DIR ?? '.data'}/mail.`)
}

function tell(title: string, orderId: string, { ended, durationMs, entries, gaps }: Story): void {
  const verdict = styleText(ended === 'completed' ? 'green' : 'yellow', ended ?? 'not ended')
  say(`\n${styleText('bold', title)}  ${verdict} after ${durationMs} ms  ${styleText('dim', orderId)}`)
  for (const { afterMs, service, type, sentence } of entries) {
    const at = styleText('dim', `+${String(afterMs).padStart(5)} ms`)
    say(`  ${at}  ${styleText('cyan', service.padEnd(12))} ${styleText('dim', type.padEnd(29))} ${sentence}`)
  }
  for (const { missing, after } of gaps)
    say(styleText('red', `  missing: ${missing.join(' or ')} after ${after ?? 'the start'}`))
}

/** The story once the order has ended and nothing is missing, or what there is of it when patience is over. */
async function storyOf(orderId: string): Promise<Story> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await delay(200)) {
    const answer = await get('audit', `/audit/orders/${orderId}`)
    const story = answer.ok ? ((await answer.json()) as Story) : undefined
    if (story && ((story.ended !== null && story.gaps.length === 0) || Date.now() > deadline)) return story
    if (Date.now() > deadline) throw new Error(`audit-service has no events of ${orderId}: does every service run?`)
  }
}

async function confirm(orderId: string): Promise<void> {
  await untilStatus(orderId, 'awaiting_confirmation')
  await post('order', `/orders/${orderId}/payment/confirm`, {})
}

async function cancel(orderId: string): Promise<void> {
  await untilStatus(orderId, 'awaiting_confirmation')
  await post('order', `/orders/${orderId}/cancel`, {})
}

/** What waits to be tried again is shown by each service, and may be given up. */
async function giveUp(orderId: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(200)) {
    const answer = await get('payment', `/retries?subject=${orderId}`)
    const { retries } = (await answer.json()) as { retries: { id: string; attempts: number }[] }
    // After its second attempt, so that the story shows some patience.
    const [waiting] = retries.filter(({ attempts }) => attempts >= 2)
    if (waiting) return post('payment', `/retries/${waiting.id}/give-up`, {})
  }
  throw new Error(`payment-service has no retry for order ${orderId}: does it run?`)
}

async function untilStatus(orderId: string, wanted: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(50)) {
    const { status } = (await (await get('order', `/orders/${orderId}`)).json()) as { status: string }
    if (status === wanted) return
  }
  throw new Error(`order ${orderId} does not become ${wanted}: does every service run?`)
}

async function requireSystem(): Promise<void> {
  const fault = await get('order', '/health/ready').then(
    async (answer) => (answer.ok ? undefined : await answer.text()),
    () => `nothing answers at ${urls.get('order')}`,
  )
  if (fault !== undefined)
    throw new Error(`The system is not ready: ${fault}\nStart it with "npm start" in another terminal.`)
}

function get(service: string, path: string): Promise<Response> {
  return fetch(`${urls.get(service)}${path}`, { headers: authorization() })
}

async function post(service: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${urls.get(service)}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization() },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`)
}

function authorization(): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}
