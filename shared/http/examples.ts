// What was really asked and answered once, as a test wrote it down: the examples of the OpenAPI document.
import { readFile } from 'node:fs/promises'

export interface Example {
  operationId: string
  /** Tells the examples of one operation apart: words with hyphens. */
  name: string
  params?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
  status: number
  type?: string
  answer?: unknown
}

/** Of the file that a service keeps them in; none where no file is named. */
export async function readExamples(path: string | undefined): Promise<Example[]> {
  // The cast is the decoding edge: the test that writes the file compares it with what it has asked.
  return path === undefined ? [] : (JSON.parse(await readFile(path, 'utf8')) as Example[])
}
