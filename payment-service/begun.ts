// The orders that this copy is asking the gateway about for the first time: nothing is written of them yet.

export interface Begun {
  has(orderId: string): boolean
  during<T>(orderId: string, ask: () => Promise<T>): Promise<T>
}

export function createBegun(): Begun {
  /** How many deliveries of each are under way. */
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
