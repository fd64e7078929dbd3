// The services and event types that audit-service knows.

/** @typedef {{ type: string, service: string, heardBy: string[] }} KnownType */

/** @type {{ services: string[], types: KnownType[] }} */
export const domain = await (await fetch('/console/domain.json')).json()

const byType = new Map(domain.types.map((known) => [known.type, known]))

/** @type {(type: string) => KnownType | undefined} */
export const typeOf = (type) => byType.get(type)
