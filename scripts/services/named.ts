// The service that somebody means: `payment` and `payment-service` are the same.

/** @throws Error that names those there are */
export function serviceNamed(name: string, services: readonly string[]): string {
  const found = services.find((service) => service === name || service === `${name}-service`)
  if (found === undefined) throw new Error(`there is no service ${name}; the services are ${services.join(', ')}`)
  return found
}
