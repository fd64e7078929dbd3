// Reads the examples of the OpenAPI document: real requests and answers that a test recorded.
import { readFile } from 'node:fs/promises'

export interface Example {
  operationId: string
  /** Distinguishes the examples of one operation: words with hyphens. */
  name: string
  params?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
  status: number
  type?: string
  answer?: unknown
}

/** The examples in a service's file; none if no file is given. */
export async function readExamples(path: string | undefined): Promise<Example[]> {
  // Decoding edge: the test that writes the file compares it with the real requests.
  return path === undefined ? [] : (JSON.parse(await readFile(path, 'utf8')) as Example[])
}
