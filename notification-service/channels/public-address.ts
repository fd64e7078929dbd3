// Decides to which IP addresses a call to a customer's URL may connect. The connection itself checks the address that
// DNS returned, so that a name which changes a moment later (DNS rebinding) gains nothing.
import { lookup } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'
import { PermanentError } from '@orders/shared/runtime'

/** IANA's special-purpose IPv4 registry, and multicast: loopback, private, link-local with the clouds' metadata, … */
const special4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const

/**
 * Of IPv6 only global unicast is public. It contains tunnels for IPv4 addresses and documentation ranges, which are
 * not.
 */
const GLOBAL_UNICAST = ['2000::', 3] as const
const special6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const

const special = new BlockList()
for (const [net, prefix] of special4) special.addSubnet(net, prefix, 'ipv4')
for (const [net, prefix] of special6) special.addSubnet(net, prefix, 'ipv6')
const global6 = new BlockList()
global6.addSubnet(...GLOBAL_UNICAST, 'ipv6')

/** Whether `address`, an IP address, lies in the public internet. */
export function isPublic(address: string): boolean {
  if (!isIPv6(address)) return isIP(address) === 4 && !special.check(address, 'ipv4')
  return global6.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

/** For a connection's `lookup`: resolves as usual, and fails if any of the addresses is not public. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error, [])
    if (!addresses.every(({ address }) => isPublic(address))) return done(refusal(), [])
    const [first] = addresses
    if (options.all) done(null, addresses)
    else done(null, first?.address ?? '', first?.family)
  })
}

/**
 * Checks URLs with an IP address; `publicLookup` checks names.
 *
 * @throws PermanentError `private_address` if the address is not public.
 */
export function refusePrivateLiteral({ hostname }: URL): void {
  const address = hostname.replace(/^\[|\]$/g, '')
  if (isIP(address) !== 0 && !isPublic(address)) throw refusal()
}

function refusal(): PermanentError {
  return new PermanentError('private_address', 'this URL leads to an address that is not public')
}
