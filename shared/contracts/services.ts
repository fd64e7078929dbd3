// The services, each listed once. A service's port is PORT_BASE plus its position here.

export const services = ['order', 'inventory', 'payment', 'shipping', 'notification', 'audit'] as const
export type ServiceNoun = (typeof services)[number]

/** The CloudEvents sources of the services: `/order-service`. */
export const sources: ReadonlySet<string> = new Set(services.map((noun) => `/${noun}-service`))
