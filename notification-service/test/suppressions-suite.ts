// The pages of the suppression list, on any database: each entry once, however many were put there at the same instant.
import { expect, it } from 'vitest'
import { openServices } from './running.ts'

type Suppression = Record<'channel' | 'address' | 'reason' | 'at', string>

export function suppressionsSuite(name: string, environment: () => Record<string, string>): void {
  const at = '2026-11-21T08:30:00.000Z'
  const later = '2026-11-21T08:30:01.000Z'
  /** Some addresses by several channels; one with blanks, and one that a URL has to encode. */
  const addresses = ['one', 'two', 'token with blanks', 'https://example.org/a?b=c&d', '+431234567'].flatMap(
    (address) => (['push', 'sms', 'webhook'] as const).map((channel) => ({ channel, address })),
  )

  async function openList() {
    const { post, get, asked, clock } = await openServices({ env: environment(), at })
    const suppress = async (some: object[]) => {
      const answers = await Promise.all(some.map((one) => post('/suppressions', { ...one, reason: 'gone' })))
      for (const { status } of answers) expect(status).toBe(204)
    }
    /** Page after page to the end, and how many each of them had. */
    async function pages(query: string, before?: string): Promise<{ found: Suppression[]; sizes: number[] }> {
      const place = before === undefined ? '' : `&before=${encodeURIComponent(before)}`
      const { status, body } = await get(`/suppressions?${query}${place}`)
      expect(status).toBe(200)
      const { suppressions, next } = body
      const rest = next === null ? { found: [], sizes: [] } : await pages(query, next)
      return { found: [...suppressions, ...rest.found], sizes: [suppressions.length, ...rest.sizes] }
    }
    return { suppress, pages, get, asked, clock }
  }
  const keyOf = ({ channel, address }: Pick<Suppression, 'channel' | 'address'>) => `${channel} ${address}`

  it(`every entry of the suppression list on ${name} is on one page, the newest first, whatever its pages' size`, async () => {
    const { suppress, pages, clock } = await openList()
    await suppress(addresses)
    clock.now = later
    const newest = [1, 2, 3].map((number) => ({ channel: 'email', address: `Ann${number}@example.org` }))
    await suppress(newest)
    const all = [...newest.map(({ address }) => `email ${address.toLowerCase()}`), ...addresses.map(keyOf)].sort()
    for (const limit of [1, 2, 5, 17, 18, 19, 100]) {
      const { found, sizes } = await pages(`limit=${limit}`)
      expect(found.map(keyOf).sort()).toEqual(all)
      expect(found.map((entry) => entry.at)).toEqual([...Array(3).fill(later), ...Array(15).fill(at)])
      expect(sizes.slice(0, -1)).toEqual(sizes.slice(1).map(() => limit))
    }
    const { found } = await pages('limit=2&address=one')
    expect(found.map(keyOf).sort()).toEqual(['push one', 'sms one', 'webhook one'])
  })

  it(`what comes to the suppression list on ${name} meanwhile moves nothing, and what goes leaves no gap`, async () => {
    const { suppress, pages, get, asked, clock } = await openList()
    await suppress(addresses)
    const { body: first } = await get('/suppressions?limit=4')
    clock.now = later
    await suppress([{ channel: 'email', address: 'ann@example.org' }])
    // The very one that the page ended with.
    const { address } = first.suppressions.at(-1)
    const gone = first.suppressions.filter((entry: Suppression) => entry.address === address)
    expect((await asked('DELETE', `/suppressions/${encodeURIComponent(address)}`)).status).toBe(204)
    const { found } = await pages('limit=4', first.next)
    const seen = [...first.suppressions, ...found].map(keyOf)
    expect(new Set(seen).size).toBe(seen.length)
    const left = addresses.filter((one) => one.address !== address).map(keyOf)
    expect([...seen].sort()).toEqual([...left, ...gone.map(keyOf)].sort())
  })

  it(`a place in the suppression list on ${name} that is none is refused`, async () => {
    const { get } = await openList()
    for (const before of ['', 'here', `${at} ann@example.org`, `${at} letter ann`, `${at} email `, `${at} sms a\u0000`])
      expect({ before, ...(await get(`/suppressions?before=${encodeURIComponent(before)}`)) }).toMatchObject({
        before,
        status: 400,
        body: { code: 'invalid_input', errors: [{ field: 'querystring.before' }] },
      })
    const none = { status: 200, body: { suppressions: [], next: null } }
    expect(await get(`/suppressions?before=${encodeURIComponent(`${at} email ann@example.org`)}`)).toMatchObject(none)
  })
}
