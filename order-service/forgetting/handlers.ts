// Forgetting a customer and exporting their data. A customer is forgotten when every service has reported that it dropped their
// keys. Each export is recorded.
import { randomUUID } from 'node:crypto'
import { OrderCustomerExported, OrderCustomerForgotten } from '@orders/shared/contracts'
import {
  type Handler,
  KeysForgetRequested,
  KeysForgotten,
  onMany,
  owned,
  personalKeys,
  type Work,
} from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { type Forgetting, forgettings } from './store.ts'

/** What the other services need to find their data about the customer. `names` is JSON, encrypted with the customer's own key. */
export interface Told {
  names: string
  /** The customer's order ids. */
  subjects: string[]
}

/**
 * Asks all services to forget the customer. While a request is unfinished, or the customer has got no new key since it ended, a
 * repeat returns the same request.
 *
 * @throws RejectedError 404 `no_such_customer` if the pseudonym never had a key, so no data was stored under it
 */
export function requestForgetting(customerId: string, told: Told, now: string): Work<Forgetting> {
  return {
    reads: () => [owned(forgettings, customerId), owned(personalKeys, customerId)],
    decide(draft) {
      const before = draft.get(forgettings, customerId)
      const keys = draft.get(personalKeys, customerId) ?? []
      const isBack = keys.some(({ wrapped }) => wrapped !== null)
      if (before && (before.completedAt === null || !isBack)) return { result: before, messages: [] }
      if (!isBack) throw noSuchCustomer(customerId)
      const request = String(Number(before?.request ?? 0) + 1)
      const result: Forgetting = { request, requestedAt: now, services: [], completedAt: null }
      draft.set(forgettings, customerId, result)
      const keyIds = keys.map(({ keyId }) => keyId)
      return {
        result,
        messages: [KeysForgetRequested.of(customerId, now, { request, keyIds, ...told }, { detail: request })],
      }
    },
  }
}

export const noSuchCustomer = (customerId: string) =>
  new RejectedError(404, 'no_such_customer', `nobody has requested to forget ${customerId}, and they have no key`)

/** Recorded before any data is sent, so that no export goes unrecorded. */
export function recordExport(customerId: string, by: { operator: string; reason: string }, now: string): Work<void> {
  const { operator, reason } = by
  const messages = [OrderCustomerExported.of(customerId, now, { operator, reason }, { detail: randomUUID() })]
  return { reads: () => [], decide: () => ({ result: undefined, messages }) }
}

/** Notes each service that reports. After the last one, publishes a receipt, which the audit log keeps. */
export function forgettingHandlers(services: readonly string[]): Handler[] {
  return [
    onMany(KeysForgotten, {
      reads: ({ data: { forgotten } }) => forgotten.map(({ ownerId }) => owned(forgettings, ownerId)),
      decide: ({ data: { service, forgotten } }, draft, { now }) =>
        forgotten.flatMap(({ ownerId, request }) => {
          const before = draft.get(forgettings, ownerId)
          if (!before || before.request !== request || before.services.includes(service)) return []
          const said = [...before.services, service].sort()
          const isAll = services.every((name) => said.includes(name))
          draft.set(forgettings, ownerId, { ...before, services: said, completedAt: isAll ? now : null })
          const receipt = { request, requestedAt: before.requestedAt, services: said }
          return isAll ? [OrderCustomerForgotten.of(ownerId, now, receipt, { detail: request })] : []
        }),
    }),
  ]
}

/** The progress in the form that HTTP answers show. */
export function progressOf(customerId: string, forgetting: Forgetting, services: readonly string[]) {
  const { request, requestedAt, completedAt } = forgetting
  const waitsFor = services.filter((name) => !forgetting.services.includes(name))
  return { customerId, request, requestedAt, done: [...forgetting.services], waitsFor, completedAt }
}
