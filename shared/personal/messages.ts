// Personal data in messages: encrypted when a group has decided its messages, decrypted when a message is handled.

import type { Said } from '../commit/members.ts'
import { createReading } from '../commit/reading.ts'
import type { Received } from '../contracts/definition/contract.ts'
import type { PersonalFields } from '../contracts/definition/personal.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import type { Publication } from '../messaging/broker.ts'
import { decode, withData } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { PermanentError } from '../runtime/errors.ts'
import type { Reader } from '../storage/index.ts'
import { keyIdOf, keyIdsIn } from './cipher.ts'
import type { RecentCipher } from './recent-cipher.ts'
import { keysById, waitingFor } from './store.ts'
import type { Vault } from './vault.ts'

/** Replaces a required text about a forgotten person. An optional text is left out instead. */
export const FORGOTTEN = 'forgotten'

/** The key of a message has not arrived. The message waits for it, and no attempt is counted. */
export class MissingKeyError extends PermanentError {
  override name = 'MissingKeyError'
  readonly waitsFor: string
  constructor(keyId: string) {
    super('key_missing', `the key ${keyId} has not arrived yet`)
    this.waitsFor = waitingFor(keyId)
  }
}

/**
 * A field about one subject, in whichever message: what is said of an order's customer in one message is said in the next, and
 * need not be encrypted or decrypted again.
 */
const placeOf = (subject: string, path: string) => `${subject}\n${path}`

/** Encrypts each message for its owner. A message stays as it is if its owner has no key. */
export function sealingBy(vault: Vault, cipher: RecentCipher, { contracts }: Registry) {
  return async (tx: Reader, said: Said[]): Promise<Publication[]> => {
    if (!vault.isSealing) return said.map(({ publication }) => publication)
    const owners = said.map(({ message }) => {
      const contract = contracts.get(message.type)
      return contract?.personal && contract.ownerOf(message.data)
    })
    await vault.fetchFor(
      tx,
      owners.filter((owner) => owner !== undefined),
    )
    return said.map(({ message, publication }, index) => {
      const contract = contracts.get(message.type)
      const key = vault.sealingFor(owners[index] ?? '')
      if (!contract?.personal || !key) return publication
      const data = contract.personal.replace(message.data, (text, path, isOptional) => {
        if (key === 'forgotten') return isOptional ? undefined : FORGOTTEN
        return cipher.seal(key, placeOf(message.subject, path), text)
      })
      return withData(publication, contract, { ...message, data })
    })
  }
}

/** Decodes a delivery and decrypts its encrypted fields. Keys needed at the same moment share one statement. */
export function openingBy(vault: Vault, cipher: RecentCipher, registry: Registry, database: Reader) {
  const read = createReading(database)

  return async (delivery: Arrived): Promise<Received> => {
    const wanted = keyIdsIn(delivery.body.toString('latin1'))
    if (wanted.length === 0) return decode(registry, delivery)
    const missing = wanted.filter((keyId) => !vault.isAtHand(keyId))
    if (missing.length > 0) {
      const rows = await Promise.all(missing.map((keyId) => read(keysById, keyId)))
      for (const row of rows) if (row) vault.note(row)
    }
    return decode(registry, delivery, (personal, message) => open(vault, cipher, personal, message))
  }
}

/** A stored event. Its fields are unchecked. */
export interface Kept {
  type?: unknown
  subject?: unknown
  data?: unknown
}

/** For people: the data of events, decrypted as far as the keys are there. */
export function showingBy(vault: Vault, cipher: RecentCipher, { contracts }: Registry, database: Reader) {
  return async (events: readonly Kept[]): Promise<unknown[]> => {
    await vault.fetch(
      database,
      events.flatMap(({ data }) => keyIdsIn(JSON.stringify(data ?? null))),
    )
    return events.map(({ type, subject, data }) => {
      const personal = typeof type === 'string' ? contracts.get(type)?.personal : undefined
      if (!personal) return data
      return personal.replace(data, (text, path, isOptional) => {
        const keyId = keyIdOf(text) ?? ''
        const secrets = vault.secrets(keyId)
        if (secrets === 'forgotten') return isOptional ? undefined : FORGOTTEN
        const place = placeOf(typeof subject === 'string' ? subject : '', path)
        return (secrets && cipher.open({ keyId, secrets }, place, text)) ?? text
      })
    })
  }
}

/** @throws MissingKeyError; PermanentError `not_sealed_here` for a text that was encrypted for another subject or field */
function open(
  vault: Vault,
  cipher: RecentCipher,
  personal: PersonalFields,
  { subject, data }: Received,
): Pick<Received, 'data' | 'isForgotten'> {
  const gone: string[] = []
  const plain = personal.replace(data, (text, path, isOptional) => {
    const keyId = keyIdOf(text)
    if (keyId === undefined) return text
    const secrets = vault.secrets(keyId)
    if (secrets === undefined) throw new MissingKeyError(keyId)
    if (secrets === 'forgotten') {
      gone.push(path)
      return isOptional ? undefined : FORGOTTEN
    }
    const opened = cipher.open({ keyId, secrets }, placeOf(subject, path), text)
    if (opened === undefined) throw new PermanentError('not_sealed_here', `${path} was not encrypted for ${subject}`)
    return opened
  })
  return { data: plain, ...(gone.length > 0 && { isForgotten: true as const }) }
}
