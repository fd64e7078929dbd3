// Addresses that are URLs: webhooks, and browsers' push subscriptions, which are identified by their endpoint.

/** A browser's `PushSubscription` as JSON. A customer's push address contains it. */
export interface Subscription {
  endpoint: string
  keys: { p256dh: string; auth: string }
}

/**
 * The URL as it is requested (WHATWG URL), without its fragment, which is never sent. A text that is no such URL stays
 * as it is.
 */
export function canonicalUrl(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  url.hash = ''
  return url.href
}

/** A subscription with the fields that sending needs, in a fixed order. An app's token stays as it is. */
export function canonicalPush(text: string): string {
  const subscription = subscriptionOf(text)
  if (!subscription) return canonicalUrl(text)
  const { endpoint, keys } = subscription
  return JSON.stringify({ endpoint: canonicalUrl(endpoint), keys })
}

/**
 * A subscription's endpoint, which identifies it: a browser may change its keys. Any other address is returned as it
 * is.
 */
export function endpointOf(address: string): string {
  const endpoint = fieldsOf(address)?.endpoint
  return typeof endpoint === 'string' ? canonicalUrl(endpoint) : address
}

/** Undefined if the address is no subscription, for example an app's token. */
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
    // Not JSON, so it is no subscription.
    return undefined
  }
}
