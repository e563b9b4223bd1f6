/** Which addresses a request may go to whose target a customer has named: those of the open internet, and no other machine near ours. */
import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { CodedError } from '../../../connectors/errors.ts'

/** IANA IPv4 Special-Purpose Address Registry, multicast and the reserved rest. */
const special4: readonly [address: string, bits: number][] = [
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
  ['224.0.0.0', 3],
]
/** Of the global unicast addresses: protocol assignments and tunnels, which lead to IPv4 addresses, and documentation. */
const special6: readonly [address: string, bits: number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const special = new BlockList()
for (const [address, bits] of special4) special.addSubnet(address, bits, 'ipv4')
for (const [address, bits] of special6) special.addSubnet(address, bits, 'ipv6')
const unicast6 = new BlockList()
unicast6.addSubnet('2000::', 3, 'ipv6')

/** @param address an IPv4 or IPv6 address as text */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, 'ipv4')
  return isIP(address) === 6 && unicast6.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

/** Refuses a host that is an address and no public one; names are judged when they are looked up. Throws `CodedError` `webhook_private`. */
export function refusePrivateHost(hostname: string): void {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw privateAddress()
}

/**
 * A lookup for sockets that fails where any of the addresses is not public. What it has looked up is what the socket connects
 * to, so a name cannot mean something else a moment later.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error !== null) return callback(error, '')
    if (!found.every(({ address }) => isPublicAddress(address))) return callback(privateAddress(), '')
    if (options.all) return callback(null, found)
    callback(null, found[0]?.address ?? '', found[0]?.family)
  })
}

function privateAddress(): CodedError {
  return new CodedError({
    code: 'webhook_private',
    retry: 'never',
    scope: 'event',
    userText: 'The webhook leads to an address that is not on the open internet.',
  })
}
