// Where order-service is, as the environment says it, for the commands that ask it about a customer.
import { services } from '@orders/shared/contracts'
import { asError, CommonConfig, readConfig } from '@orders/shared/runtime'

/**
 * Asks for what is below `/customers/{id}/` and gives the answer, which is a good one.
 *
 * @throws Error that says what is wrong, for people
 */
export async function askAbout(customer: string, path: string, method: 'GET' | 'POST' = 'GET'): Promise<Response> {
  const config = readConfig(CommonConfig, process.env)
  const port = config.port ?? config.portBase + services.indexOf('order')
  const url = `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${port}`
  const [token] = config.operatorTokens?.split(',') ?? []
  const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }) }
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
