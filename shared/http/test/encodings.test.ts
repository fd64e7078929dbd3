// Text is taken as it was sent or refused, never changed: two customers never become one because of their bytes.
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { formOf } from '../encodings.ts'
import type { HttpServer } from '../http.ts'
import { FAULTS_MAX } from '../limits.ts'
import { answersIn, listen, open } from './listening.ts'

const Text = Type.Optional(Type.String())

function routes(app: HttpServer): void {
  const headers = Type.Object({ 'idempotency-key': Text })
  app.post(
    '/texts',
    { schema: { body: Type.Record(Type.String(), Type.Unknown()), headers } },
    async ({ body }) => body,
  )
  app.post('/plain', async () => 'the body is nobody’s')
  app.get('/texts/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, async ({ params }) => params)
  app.get('/texts', { schema: { querystring: Type.Object({ user: Text }) } }, async ({ query }) => query)
  app.get('/open', async () => 'ok')
  app.register(async (forms: HttpServer) => {
    forms.addContentTypeParser<Buffer>(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer' },
      (request, body, done) => done(null, formOf(body, request.headers['content-type'])),
    )
    forms.post('/forms', { schema: { body: Type.Object({ user: Text }) } }, async ({ body }) => body)
  })
}

/** Sends bytes, one for each character, and reads the one answer with its body. */
async function ask(first: string, headers: string[], body = '') {
  const { port } = await listen({}, routes)
  const { socket, closed } = await open(port)
  const length = body === '' ? [] : [`content-length: ${body.length}`]
  socket.write(
    [`${first} HTTP/1.1`, 'host: a', 'connection: close', ...headers, ...length, '', body].join('\r\n'),
    'latin1',
  )
  const heard = await closed
  const [[status, code] = []] = answersIn(heard)
  const [head = '', text = ''] = heard.split('\r\n\r\n')
  return { status, code, head, text }
}

const JSON_TYPE = 'content-type: application/json'
const utf8 = (text: string) => Buffer.from(text).toString('latin1')
const post = (body: string, headers: string[] = [JSON_TYPE]) => ask('POST /texts', headers, body)
const fieldsOf = (text: string) => JSON.parse(text).errors.map(({ field }: { field: string }) => field)

describe('a body', () => {
  it.each([
    ['letters of many scripts', '{"user":"J\u00f6rg \u4f60 \ud83d\ude00"}'],
    ['whole escapes', String.raw`{"user":"\u00f6 \ud83d\ude00 \\ud800 \\u0000"}`],
    ['U+FFFD that its sender wrote', '{"user":"\ufffd"}'],
  ])('with %s is taken as it is', async (_, json) => {
    const { status, text } = await post(utf8(json))
    expect([status, JSON.parse(Buffer.from(text, 'utf8').toString())]).toEqual([200, JSON.parse(json)])
  })

  it('may begin with a byte order mark, which is ignored (RFC 8259 §8.1)', async () => {
    const { status, text } = await post(utf8('\ufeff{"user":"ann"}'))
    expect([status, JSON.parse(text)]).toEqual([200, { user: 'ann' }])
  })

  it.each([
    ['latin-1', '{"user":"J\xf6rg"}'],
    ['half a letter', '{"user":"J\xc3"}'],
    ['a surrogate', '{"user":"\xed\xa0\x80"}'],
    ['an overlong letter', '{"user":"\xc0\xaf"}'],
    ['latin-1 in a name', '{"J\xf6rg":1}'],
    ['UTF-16 with its mark', '\xff\xfe{\x00}\x00'],
  ])('with bytes that are not UTF-8 is refused: %s', async (_, body) => {
    const { status, code, text } = await post(body)
    expect([status, code, fieldsOf(text)]).toEqual([400, 'bad_encoding', ['body']])
  })

  it.each([
    ['half a surrogate pair', String.raw`{"a":{"user":["x","\ud800"]}}`, ['a.user.1']],
    ['the other half', String.raw`{"user":"\uDC00\ud83d"}`, ['user']],
    ['U+0000', String.raw`{"user":"a\u0000","b":{"c":"\u0000"}}`, ['user', 'b.c']],
    ['half a pair in a name', String.raw`{"x":{"\ud800":1}}`, ['x.\ufffd']],
  ])('with text that nobody can keep is refused, and told which field: %s', async (_, body, fields) => {
    const { status, code, text } = await post(body)
    expect([status, code, fieldsOf(text)]).toEqual([400, 'invalid_input', fields])
  })

  it('may be as deep and as faulty as its sender likes, and the answer stays short', async () => {
    const [deep, many] = [50_000, 10_000]
    const inner = `"\\u0000"${',"\\u0000"'.repeat(many)}`
    const { status, code, text } = await post(`{"a":${'['.repeat(deep)}${inner}${']'.repeat(deep)}}`)
    expect([status, code, fieldsOf(text)[0]]).toEqual([400, 'invalid_input', `a${'.0'.repeat(9)}`])
    expect(fieldsOf(text)).toHaveLength(FAULTS_MAX)
  })

  it.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['application/json;charset=UTF-8', 200],
    ['application/json; charset="utf-8"', 200],
    ['application/json; charset=utf8; profile=x', 200],
    ['application/json; profile=charset', 200],
    ['application/json; charset=iso-8859-1', 415],
    ['application/json; Charset = "latin1"', 415],
    ['application/json; charset=utf-16', 415],
    ['application/json; charset=utf-8x', 415],
    ['application/json; charset=', 415],
    ['application/json; charset=utf-8; charset=latin1', 415],
  ])('of type %s gets %i', async (type, expected) => {
    const { status, code } = await post('{"user":"ann"}', [`content-type: ${type}`])
    expect([status, code]).toEqual([expected, expected === 415 ? 'unsupported_charset' : undefined])
  })

  it('of two types is refused', async () => {
    expect(await post('{}', [JSON_TYPE, JSON_TYPE])).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  it.each(['gzip', 'GZIP', 'br', 'identity, gzip', 'nonsense'])(
    'that is encoded as %s is refused',
    async (encoding) => {
      const { status, code, head, text } = await post('{"user":"ann"}', [JSON_TYPE, `content-encoding: ${encoding}`])
      expect([status, code]).toEqual([415, 'unsupported_content_encoding'])
      expect(head).toMatch(/^accept-encoding: identity$/im)
      expect(JSON.parse(text).detail).toBe('send the body as it is, without Content-Encoding')
    },
  )

  it.each(['identity', 'Identity', ''])('that is encoded as %j is taken', async (encoding) => {
    expect(await post('{"user":"ann"}', [JSON_TYPE, `content-encoding: ${encoding}`])).toMatchObject({ status: 200 })
  })
})

describe('a form', () => {
  const form = (body: string, type = 'application/x-www-form-urlencoded') =>
    ask('POST /forms', [`content-type: ${type}`], body)

  it('is taken as it is', async () => {
    const { status, text } = await form('user=J%C3%B6rg+100%25')
    expect([status, JSON.parse(text)]).toEqual([200, { user: 'J\u00f6rg 100%' }])
  })

  it.each([
    ['bytes in latin-1', 'user=J\xf6rg', 400, 'bad_encoding'],
    ['escapes in latin-1', 'user=J%F6rg', 400, 'bad_encoding'],
    ['half an escape', 'user=J%F', 400, 'bad_encoding'],
    ['U+0000', 'user=J%00', 400, 'invalid_input'],
  ])('with %s is refused', async (_, body, status, code) => {
    expect(await form(body)).toMatchObject({ status, code })
  })

  it('in another charset is refused', async () => {
    const answer = await form('user=x', 'application/x-www-form-urlencoded; charset=latin1')
    expect(answer).toMatchObject({ status: 415, code: 'unsupported_charset' })
  })
})

describe('a URL', () => {
  it.each([
    ['/texts/J%C3%B6rg', { id: 'J\u00f6rg' }],
    ['/texts/%25ff', { id: '%ff' }],
    ['/texts?user=%25ff+%F0%9F%98%80', { user: '%ff \u{1f600}' }],
  ])('%s is read as it was meant', async (url, read) => {
    const { status, text } = await ask(`GET ${url}`, [])
    expect([status, JSON.parse(text)]).toEqual([200, read])
  })

  it.each([
    ['/texts/%ff', 'malformed_url', 'url'],
    ['/texts/%ed%a0%80', 'malformed_url', 'url'],
    ['/texts/a%00b', 'invalid_input', 'params.id'],
    ['/texts?user=%ff', 'malformed_url', 'url'],
    ['/texts?user=%C3', 'malformed_url', 'url'],
    ['/texts?user=%', 'malformed_url', 'url'],
    ['/texts?%ff=a', 'malformed_url', 'url'],
    ['/texts?user=a%00b', 'invalid_input', 'querystring.user'],
    ['/open?%ed%b0%80', 'malformed_url', 'url'],
  ])('%s gets 400 %s', async (url, code, field) => {
    const { status, code: told, text } = await ask(`GET ${url}`, [])
    expect([status, told, fieldsOf(text)]).toEqual([400, code, [field]])
  })
})

describe('a header', () => {
  it.each([
    ['in latin-1', 'J\xf6rg'],
    ['in UTF-8, which no header can say that it is', utf8('J\u00f6rg')],
  ])('%s that a route reads is refused', async (_, key) => {
    const { status, code, text } = await post('{}', [JSON_TYPE, `Idempotency-Key: ${key}`])
    expect([status, code, fieldsOf(text)]).toEqual([400, 'invalid_input', ['headers.idempotency-key']])
  })

  it('that no route reads may hold what it likes', async () => {
    expect(await post('{}', [JSON_TYPE, 'idempotency-key: a b~', 'x-name: J\xf6rg'])).toMatchObject({ status: 200 })
  })
})
