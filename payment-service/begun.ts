// The orders about which this copy is calling the provider. On its first call an order has no row yet, and this shows that its
// payment is pending.

export interface Begun {
  has(orderId: string): boolean
  during<T>(orderId: string, ask: () => Promise<T>): Promise<T>
}

export function createBegun(): Begun {
  /** The number of deliveries in progress, by order. */
  const underWay = new Map<string, number>()
  const count = (orderId: string, change: number) => {
    const left = (underWay.get(orderId) ?? 0) + change
    if (left === 0) underWay.delete(orderId)
    else underWay.set(orderId, left)
  }
  return {
    has: (orderId) => underWay.has(orderId),
    async during(orderId, ask) {
      count(orderId, 1)
      try {
        return await ask()
      } finally {
        count(orderId, -1)
      }
    },
  }
}
