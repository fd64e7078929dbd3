// What was released: of each version its contracts, the questions, and messages that were recorded of it. Kept in the repository, a folder
// for each, and never edited.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Registry, RpcContract } from '@orders/shared/messaging'
import type { Shape } from './shapes.ts'

export const RELEASES = resolve(import.meta.dirname, '../../tests/contracts/baseline')

export interface ReleasedContract {
  type: string
  version: number
  dataschema: string
  /** Of the whole envelope. */
  schema: Shape
}

export interface ReleasedQuestion {
  type: string
  queue: string
  request: Shape
  reply: Shape
}

export interface Release {
  version: string
  contracts: readonly ReleasedContract[]
  /** Empty in releases that did not record them. */
  questions: readonly ReleasedQuestion[]
  /** Each as it was on the wire. */
  messages: readonly string[]
}

/** The oldest first. */
export function readReleases(folder = RELEASES): Release[] {
  const versions = readdirSync(folder).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return versions.map((version) => {
    const read = (name: string) => readFileSync(join(folder, version, name), 'utf8')
    const questions = existsSync(join(folder, version, 'questions.json')) ? JSON.parse(read('questions.json')) : []
    const messages = read('messages.jsonl').trim().split('\n')
    return { version, contracts: JSON.parse(read('contracts.json')), questions, messages }
  })
}

/** Today's, in the form in which they are kept. */
export function contractsNow({ contracts }: Registry): ReleasedContract[] {
  // Through JSON, since that is what is kept of them.
  return JSON.parse(
    JSON.stringify(
      [...contracts.values()].map(({ type, version, dataschema, schema }) => ({ type, version, dataschema, schema })),
    ),
  )
}

export function questionsNow(rpcs: readonly RpcContract[]): ReleasedQuestion[] {
  return JSON.parse(
    JSON.stringify(
      rpcs.map(({ type, queue, requestSchema, replySchema }) => ({
        type,
        queue,
        request: requestSchema,
        reply: replySchema,
      })),
    ),
  )
}
