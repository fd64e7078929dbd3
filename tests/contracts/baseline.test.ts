// What was released can still be read: every contract of a release, and every message that was recorded of it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { registry } from '@orders/shared/contracts'
import { decode } from '@orders/shared/messaging'
import { describe, expect, it } from 'vitest'

const folder = join(import.meta.dirname, 'baseline')

describe.each(readdirSync(folder))('release %s', (release) => {
  const read = (name: string) => readFileSync(join(folder, release, name), 'utf8')
  const contracts: { type: string; dataschema: string }[] = JSON.parse(read('contracts.json'))
  const messages = read('messages.jsonl').trim().split('\n')

  it('has only contracts of which every version that was said is read', () => {
    const unread = contracts.filter(({ type, dataschema }) => !registry.contracts.get(type)?.readers.has(dataschema))
    expect(unread).toEqual([])
    expect(contracts.length).toBeGreaterThan(20)
  })

  it.each(messages.map((message) => [String(JSON.parse(message).id), message]))('reads %s', (id, message) => {
    const delivery = {
      body: Buffer.from(message),
      properties: { headers: {} },
      exchange: '',
      routingKey: '',
      redelivered: false,
    }
    const sent = JSON.parse(message)
    expect(decode(registry, delivery)).toMatchObject({ id, type: sent.type, subject: sent.subject, time: sent.time })
  })
})
