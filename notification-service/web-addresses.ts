// Addresses that are URLs: webhooks, and the subscriptions of browsers, which are known by their endpoint.

/** What a browser's `PushSubscription` is as JSON; it is the push address of a customer. */
export interface Subscription {
  endpoint: string
  keys: { p256dh: string; auth: string }
}

/** As whoever is asked there is asked (WHATWG URL), and without a fragment, which nobody is told of. What is no such URL stays as it is. */
export function canonicalUrl(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  url.hash = ''
  return url.href
}

/** With what is needed to send, in one order; the token of an app stays as it is. */
export function canonicalPush(text: string): string {
  const subscription = subscriptionOf(text)
  if (!subscription) return canonicalUrl(text)
  const { endpoint, keys } = subscription
  return JSON.stringify({ endpoint: canonicalUrl(endpoint), keys })
}

/** What tells subscriptions apart: a browser may change the keys of one. Anything else is told apart by itself. */
export function endpointOf(address: string): string {
  const endpoint = fieldsOf(address)?.endpoint
  return typeof endpoint === 'string' ? canonicalUrl(endpoint) : address
}

/** Undefined for what is no subscription, such as the token of an app. */
export function subscriptionOf(address: string): Subscription | undefined {
  const { endpoint, keys } = fieldsOf(address) ?? {}
  const fits = typeof endpoint === 'string' && keys?.p256dh !== undefined && keys.auth !== undefined
  return fits ? { endpoint, keys: { p256dh: String(keys.p256dh), auth: String(keys.auth) } } : undefined
}

function fieldsOf(address: string): Partial<Subscription> | undefined {
  if (!address.startsWith('{')) return undefined
  try {
    return JSON.parse(address) as Partial<Subscription>
  } catch {
    // Not JSON: whoever asked is told that it is no subscription.
    return undefined
  }
}
