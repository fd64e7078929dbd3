// Which addresses are public, and that a name is judged by what it resolves to at the moment of connecting.
import { promises } from 'node:dns'
import { afterEach, describe, expect, it } from 'vitest'
import { post } from '../channels/post.ts'
import { isPublic, publicLookup, refusePrivateLiteral } from '../channels/public-address.ts'
import { type Stub, startStub } from './stub.ts'

let stub: Stub | undefined
afterEach(async () => {
  await stub?.close()
  stub = undefined
})

describe('an address', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '100.128.0.1',
    '2606:4700:4700::1111',
    '2a00:1450::1',
  ])('%s is public', (address) => {
    expect(isPublic(address)).toBe(true)
  })

  it.each([
    ['this network', '0.0.0.0'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.0.1'],
    ['carrier NAT', '100.64.0.1'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['metadata, link-local', '169.254.169.254'],
    ['benchmarks', '198.19.0.1'],
    ['documentation', '203.0.113.9'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['mapped IPv4', '::ffff:127.0.0.1'],
    ['mapped public IPv4', '::ffff:8.8.8.8'],
    ['compatible IPv4', '::7f00:1'],
    ['link-local', 'fe80::1'],
    ['unique local', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['6to4 of 127.0.0.1', '2002:7f00:1::'],
    ['Teredo', '2001:0:7f00:1::'],
    ['documentation', '2001:db8::1'],
    ['nonsense', 'localhost'],
    ['nothing', ''],
  ])('%s, %s, is not', (_, address) => {
    expect(isPublic(address)).toBe(false)
  })
})

describe('a URL', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://017700000001/',
    'http://[::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://１２７.0.0.1/',
  ])('%s is refused as it stands', (url) => {
    expect(() => refusePrivateLiteral(new URL(url))).toThrow(/not public/)
  })

  it('that names a public host is left to the lookup', () => {
    expect(() => refusePrivateLiteral(new URL('https://example.org/hook'))).not.toThrow()
  })
})

const call = { headers: {}, body: '{}', signal: new AbortController().signal, allowPrivate: false }

describe('a connection', () => {
  it('to a name that resolves to this machine is refused before anything is sent', async () => {
    const addresses = await promises.lookup('localhost', { all: true })
    expect(addresses.length).toBeGreaterThan(0)
    stub = await startStub(() => ({ status: 200 }))
    const url = stub.url.replace('127.0.0.1', 'localhost')
    await expect(post({ ...call, url })).rejects.toMatchObject({ name: 'PermanentError', code: 'private_address' })
    await expect(post({ ...call, url: stub.url })).rejects.toMatchObject({ code: 'private_address' })
    expect(stub.asked).toEqual([])
    expect(await post({ ...call, url, allowPrivate: true })).toMatchObject({ status: 200 })
    expect(stub.asked).toHaveLength(1)
  })

  it('is told no by the lookup in either of the forms that Node asks in', async () => {
    for (const options of [{ all: true }, {}, { family: 4 }])
      expect(await lookupOf('localhost', options)).toMatchObject([{ code: 'private_address' }, []])
    expect(await lookupOf('8.8.8.8', {})).toEqual([null, '8.8.8.8'])
    expect(await lookupOf('8.8.8.8', { all: true })).toEqual([null, [{ address: '8.8.8.8', family: 4 }]])
  })
})

/** An address resolves to itself, without a name server. */
const lookupOf = (address: string, options: object) =>
  new Promise((resolve) => publicLookup(address, options, (error, found) => resolve([error, found])))
