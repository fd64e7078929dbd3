// Asks order-service about a customer, for the commands that do.
import { asError } from '@orders/shared/runtime'
import { addressOf } from '../services/address.ts'

/**
 * Asks for what is below `/customers/{id}/` and gives the answer, which is a good one.
 *
 * @throws Error that says what is wrong, for people
 */
export async function askAbout(customer: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Response> {
  const { url, headers } = addressOf('order', process.env)
  const answer = await fetch(`${url}/customers/${encodeURIComponent(customer)}/${path}`, { method, headers }).catch(
    (thrown: unknown) => {
      const cause = asError(thrown)
      throw new Error(`order-service does not answer at ${url}: start it (npm run start:order), or set PORT_BASE`, {
        cause,
      })
    },
  )
  if (answer.ok) return answer
  // The cast is the decoding edge: an error is a problem document, and nothing where a proxy has answered.
  const { detail = answer.statusText } = (await answer.json().catch(() => ({}))) as { detail?: string }
  throw new Error(detail)
}
