// The services, each once. Its place is that of its port, from PORT_BASE on.

export const services = ['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'] as const
export type ServiceNoun = (typeof services)[number]

/** The CloudEvents sources of the services: `/order-service`. */
export const sources: ReadonlySet<string> = new Set(services.map((noun) => `/${noun}-service`))
