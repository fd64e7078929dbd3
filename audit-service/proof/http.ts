// The HTTP routes for outsiders: checkpoints, tiles and proofs. Only the proof of a named event needs an operator token.
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { bodiesOutTo, filesAbout } from '../reading/archives/store.ts'
import { entriesBetween, entriesOf } from '../reading/store.ts'
import { openCheckpoint } from './checkpoint.ts'
import type { Tree } from './checks.ts'
import { leafDataOf } from './leaf.ts'
import { type Signer, textOfVerifier } from './note.ts'
import { tilesIn, treeHeadOf } from './store.ts'
import { bundleOf, tileNamed, widthIn } from './tiles.ts'
import { consistencyRanges, inclusionRanges, type Range, rootsOf, TILE_WIDTH } from './tree.ts'

const Size = Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$' })
const Sizes = Type.Object({ from: Size, to: Type.Optional(Size) }, { additionalProperties: false })
// PostgreSQL cannot store U+0000 in a text.
const ByEventId = Type.Object({ eventId: Type.String({ minLength: 1, maxLength: 1_000, pattern: '^[^\\u0000]+$' }) })
const Word = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$', description }))
const Identity = Type.Object(
  { subject: Word('By default the part of the id before the first slash'), source: Word('By default any source') },
  { additionalProperties: false },
)

const Hashes = Type.Array(Type.String(), { description: 'In base64' })
const Consistency = Type.Object({ from: Type.Integer(), to: Type.Integer(), hashes: Hashes, checkpoint: Type.String() })
const Inclusion = Type.Object({
  eventId: Type.String(),
  size: Type.Integer({ description: 'Number of entries in the tree' }),
  proofs: Type.Array(
    Type.Object({
      source: Type.String(),
      index: Type.Integer({ description: 'Index of its leaf, from 0' }),
      entry: Type.String({ description: 'The text whose hash is its leaf' }),
      hashes: Hashes,
    }),
  ),
  checkpoint: Type.String(),
})
const asText = (description: string) => ({ description, content: { 'text/plain': { schema: Type.String() } } })

/** The bytes of a tile never change, even when the tree grows. */
const FOR_EVER = { 'cache-control': 'public, max-age=31536000, immutable' }
const NOT_KEPT = { 'cache-control': 'no-cache' }
const BYTES = 'application/octet-stream'
const TEXT = 'text/plain; charset=utf-8'

export function proofRoutes(
  app: HttpServer,
  { database, auth }: Pick<Wiring<object>, 'database' | 'auth'>,
  signer: Signer,
) {
  async function signed(): Promise<Tree & { checkpoint: string }> {
    const { checkpoint } = await treeHeadOf(database)
    const tree = checkpoint === null ? undefined : openCheckpoint(checkpoint, signer)
    if (checkpoint === null || !tree)
      throw new RejectedError(503, 'not_signed_yet', 'nothing is signed yet', { retryAfterSeconds: 1 })
    return { ...tree, checkpoint }
  }
  const hashesOf = async (ranges: Range[]) =>
    (await rootsOf(ranges, tilesIn(database))).map((hash) => hash.toString('base64'))

  app.get(
    '/checkpoint',
    {
      schema: {
        response: { 200: asText('A C2SP signed note') },
        problems: { 503: ['not_signed_yet'] },
        operationId: 'getCheckpoint',
        summary: 'The newest checkpoint, as C2SP tlog-checkpoint',
      },
    },
    async (_, reply) => {
      const { checkpoint } = await signed()
      return reply.headers(NOT_KEPT).type(TEXT).send(checkpoint)
    },
  )

  app.get(
    '/audit/key',
    {
      schema: {
        response: { 200: asText('A C2SP verifier key') },
        operationId: 'getKey',
        summary: 'The public key of checkpoints, as a verifier key',
      },
    },
    async (_, reply) =>
      reply
        .headers(NOT_KEPT)
        .type(TEXT)
        .send(`${textOfVerifier(signer)}\n`),
  )

  app.get<{ Params: { '*': string } }>(
    // OpenAPI cannot describe a path of any depth; docs/proof.md does.
    '/tile/*',
    { schema: { hide: true } },
    async ({ params }, reply) => {
      const name = tileNamed(params['*'])
      const { size } = await signed()
      const level = name?.level === 'entries' ? 0 : name?.level
      if (!name || level === undefined || widthIn(size, level, name.number) < name.width)
        throw new RejectedError(404, 'no_such_tile', `the tree of ${size} entries has no such tile`)
      const first = name.number * TILE_WIDTH
      if (name.level === 'entries' && first < (await bodiesOutTo(database)))
        throw new RejectedError(404, 'no_such_tile', 'these entries are in archives, which verify by themselves')
      const tile =
        name.level === 'entries'
          ? bundleOf((await entriesBetween(database, first + 1, first + name.width)).map(leafDataOf))
          : Buffer.concat((await tilesIn(database)(name.level, name.number)).slice(0, name.width))
      return reply.headers(FOR_EVER).type(BYTES).send(tile)
    },
  )

  app.get(
    '/audit/proof',
    {
      schema: {
        querystring: Sizes,
        response: { 200: Consistency },
        problems: { 404: ['no_such_tree'], 503: ['not_signed_yet'] },
        operationId: 'proveConsistency',
        summary: 'Prove that one tree begins with another',
      },
    },
    async ({ query }) => {
      const { size, checkpoint } = await signed()
      const [from, to] = [Number(query.from), Number(query.to ?? size)]
      if (from > to || to > size)
        throw new RejectedError(404, 'no_such_tree', `the tree has ${size} entries: from ≤ to ≤ ${size}`)
      return { from, to, hashes: await hashesOf(consistencyRanges(from, to)), checkpoint }
    },
  )

  app.get(
    '/audit/proof/:eventId',
    {
      onRequest: auth.operator,
      schema: {
        params: ByEventId,
        querystring: Identity,
        response: { 200: Inclusion },
        problems: { 404: ['no_such_event'], 503: ['not_signed_yet'] },
        operationId: 'proveInclusion',
        summary: 'Prove that an event is in the log',
      },
    },
    async ({ params: { eventId }, query }) => {
      const { subject = eventId.split('/', 1)[0] ?? '', source } = query
      const entries = await entriesOf(database, { subject, id: eventId, source })
      if (entries.length === 0)
        throw new RejectedError(
          404,
          'no_such_event',
          [`no event ${eventId} about ${subject} is kept`, ...(await filesAbout(database, subject))].join('; see '),
        )
      const { size, checkpoint } = await signed()
      const included = entries.filter(({ sequence }) => sequence <= size)
      if (included.length === 0)
        throw new RejectedError(503, 'not_signed_yet', 'this event is not in the tree yet', { retryAfterSeconds: 1 })
      const proofs = included.map(async (entry) => ({
        source: entry.source,
        index: entry.sequence - 1,
        entry: leafDataOf(entry),
        hashes: await hashesOf(inclusionRanges(entry.sequence - 1, size)),
      }))
      return { eventId, size, proofs: await Promise.all(proofs), checkpoint }
    },
  )
}
