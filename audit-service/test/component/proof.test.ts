// What outsiders get over HTTP: the tree as C2SP tlog-tiles has it, and proofs that they check for themselves.
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import { createMemoryBroker, eventually, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AuditConfig } from '../../config.ts'
import { openCheckpoint } from '../../proof/checkpoint.ts'
import { isConsistent, isIncluded, type Tree } from '../../proof/checks.ts'
import { leafHash } from '../../proof/leaf.ts'
import { verifierIn } from '../../proof/note.ts'
import { EMPTY, grown, rootOf } from '../../proof/tree.ts'
import { auditService } from '../../service.ts'
import { SIGNING_KEY, signer } from '../keeping.ts'

let scratch: Awaited<ReturnType<typeof scratchFolder>>
let broker: MemoryBroker
let service: RunningService

const COUNT = 300
const token = 'a-token-of-an-operator'
const get = (path: string, headers = {}) => fetch(service.url + path, { headers })
const asOperator = { authorization: `Bearer ${token}` }
const textOf = async (path: string, headers = {}) => (await get(path, headers)).text()
const jsonOf = async (path: string, headers = {}) => JSON.parse(await textOf(path, headers))
const bytesOf = async (path: string) => Buffer.from(await (await get(path)).arrayBuffer())
const hashesOf = (texts: string[]) => texts.map((text) => Buffer.from(text, 'base64'))

beforeAll(async () => {
  scratch = await scratchFolder()
  broker = createMemoryBroker(topology)
  const settings = {
    DATA_DIR: scratch.path,
    OPERATOR_TOKENS: token,
    AUDIT_SIGNING_KEY: SIGNING_KEY,
    AUDIT_CHECK_MS: '100',
  }
  const { log } = await keepingLog('audit-service')
  service = await startService(
    auditService,
    { ...readConfig(AuditConfig, settings), portBase: 0 },
    {
      log,
      openBroker: (name) => broker.connect(name),
      broken: (error) => {
        throw error
      },
    },
  )
  for (let number = 1; number <= COUNT; number++) {
    const data = { user: 'gayal', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: number }] }
    const created = OrderCreated.of(`order-${number}`, '2026-11-21T08:30:00.000Z', data)
    await broker.connect('test').publish(encode(registry, created, 'order-service', { causationId: 'a request' }))
  }
  await eventually('all are signed', async () => (await signedNow()).size === COUNT)
}, 60_000)
afterAll(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await scratch.remove()
})

async function signedNow(): Promise<Tree> {
  const tree = openCheckpoint(await textOf('/checkpoint'), verifierIn(await textOf('/audit/key')))
  return tree ?? { size: 0, root: Buffer.alloc(0) }
}

it('the checkpoint, the tiles and the entries are those of one tree, open to all, and say nothing of what was said', async () => {
  const { root } = await signedNow()
  const bundles = await Promise.all(['000', '001.p/44'].map((name) => bytesOf(`/tile/entries/${name}`)))
  const entries = bundles.flatMap(entriesIn)
  expect(entries).toHaveLength(COUNT)
  const leaves = entries.map(leafHash)
  expect(rootOf(grown(EMPTY, leaves).edge)).toEqual(root)
  expect(await bytesOf('/tile/0/000')).toEqual(Buffer.concat(leaves.slice(0, 256)))
  expect(await bytesOf('/tile/0/001.p/44')).toEqual(Buffer.concat(leaves.slice(256)))
  expect(await bytesOf('/tile/0/000.p/3')).toEqual(Buffer.concat(leaves.slice(0, 3)))
  expect(await bytesOf('/tile/1/000.p/1')).toEqual(rootOf(grown(EMPTY, leaves.slice(0, 256)).edge))
  expect(bundles.join('')).not.toMatch(/gayal|order-|request/)
})

it('tiles may be kept for ever, checkpoints not at all', async () => {
  const headersOf = async (path: string) => {
    const { headers } = await get(path)
    return [headers.get('content-type'), headers.get('cache-control')]
  }
  expect(await headersOf('/checkpoint')).toEqual(['text/plain; charset=utf-8', 'no-cache'])
  for (const path of ['/tile/0/000', '/tile/entries/000', '/tile/1/000.p/1'])
    expect(await headersOf(path)).toEqual(['application/octet-stream', 'public, max-age=31536000, immutable'])
})

it.each([
  '/tile/0/001',
  '/tile/0/001.p/45',
  '/tile/0/002',
  '/tile/1/000',
  '/tile/2/000.p/1',
  '/tile/0/000.p/256',
  '/tile/x',
])('there is no %s', async (path) => {
  const answer = await get(path)
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'no_such_tile' }])
})

it('proves that an event is in the log, to operators, in a few hundred bytes', async () => {
  const path = `/audit/proof/${encodeURIComponent('order-77/order.created')}`
  const proof = await jsonOf(path, asOperator)
  const tree = openCheckpoint(proof.checkpoint, signer)
  expect(tree).toEqual(await signedNow())
  expect(proof).toMatchObject({ size: COUNT, proofs: [{ source: '/order-service', index: 76 }] })
  const [{ entry, index, hashes }] = proof.proofs
  expect(isIncluded(leafHash(entry), index, tree ?? { size: 0, root: Buffer.alloc(0) }, hashesOf(hashes))).toBe(true)
  expect(JSON.stringify(hashes).length).toBeLessThan(500)
  expect((await get(path)).status).toBe(401)
  expect(await jsonOf('/audit/proof/order-77%2Forder.paid', asOperator)).toMatchObject({ code: 'no_such_event' })
  expect(await jsonOf(`${path}?source=/stranger`, asOperator)).toMatchObject({ code: 'no_such_event' })
})

it('proves one body beside another that came under the same source and id', async () => {
  const data = { user: 'a liar', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
  const second = encode(registry, OrderCreated.of('order-5', '2026-11-21T08:30:00.000Z', data), 'order-service', {})
  await broker.connect('test').publish(second)
  await eventually('it is signed', async () => (await signedNow()).size === COUNT + 1)
  const { proofs } = await jsonOf('/audit/proof/order-5%2Forder.created', asOperator)
  expect(proofs).toMatchObject([{ index: 4 }, { index: COUNT }])
  expect(await jsonOf('/audit/verify', asOperator)).toMatchObject({ ok: true, size: COUNT + 1, conflicts: [COUNT + 1] })
})

it('proves to everybody that the log begins as it did', async () => {
  const now = await signedNow()
  const leaves = [await bytesOf('/tile/0/000')].flatMap((tile) =>
    Array.from({ length: 100 }, (_, place) => tile.subarray(place * 32, place * 32 + 32)),
  )
  const before = { size: 100, root: rootOf(grown(EMPTY, leaves).edge) }
  const { hashes, to } = await jsonOf('/audit/proof?from=100')
  expect([to, isConsistent(before, now, hashesOf(hashes))]).toEqual([now.size, true])
  for (const sizes of [`from=1&to=${now.size + 1}`, 'from=2&to=1'])
    expect(await jsonOf(`/audit/proof?${sizes}`)).toMatchObject({ code: 'no_such_tree' })
})

it('the check of the whole log says what was signed', async () => {
  const { size, root } = await signedNow()
  expect(await jsonOf('/audit/verify', asOperator)).toMatchObject({
    ok: true,
    events: size,
    size,
    rootHash: root.toString('base64'),
    checkpoint: await textOf('/checkpoint'),
  })
})

/** As C2SP tlog-tiles writes them: each after its length in sixteen bits. */
function entriesIn(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at)
    entries.push(bundle.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return entries
}
