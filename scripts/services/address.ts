// Where a service listens, as the environment says it, for the commands that ask one over HTTP.
import { type ServiceNoun, services } from '@orders/shared/contracts'
import { CommonConfig, readConfig } from '@orders/shared/runtime'

export interface Address {
  url: string
  /** An operator's, if the service asks for one. */
  token: string | undefined
  /** Authorization by the token, or nothing. */
  headers: Record<string, string>
}

/** Reads the same settings as the service. */
export function addressOf(service: ServiceNoun, environment: NodeJS.ProcessEnv): Address {
  const config = readConfig(CommonConfig, environment)
  const port = config.port ?? config.portBase + services.indexOf(service)
  const [token] = config.operatorTokens?.split(',') ?? []
  return {
    url: `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${port}`,
    token,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  }
}
