// The six OpenAPI documents, as the services that run give them.
import { definitions } from '../services/definitions.ts'
import { startInMemory } from '../services/in-memory.ts'

export interface OpenApiDocument {
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { responses: Record<string, unknown> }
}

export interface Operation {
  operationId: string
  security: Record<string, string[]>[]
  responses: Record<string, unknown>
}

/** By the service's name. */
export async function openApiDocuments(): Promise<Map<string, OpenApiDocument>> {
  const documents = new Map<string, OpenApiDocument>()
  for (const definition of definitions) {
    const service = await startInMemory(definition)
    try {
      const answer = await fetch(`${service.url}/openapi.json`)
      documents.set(definition.name, (await answer.json()) as OpenApiDocument)
    } finally {
      await service.close()
    }
  }
  return documents
}

export function operationsOf({ paths }: OpenApiDocument) {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}
