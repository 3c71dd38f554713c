/** The URL of a server, as it is in the server's row and as the doorbell function calls it. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isForbiddenPort } from './fetch-ports.ts'

/** The addresses of private networks. Link-local addresses are left out, since AWS serves credentials
 *  there. */
const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4')
}
PRIVATE.addAddress('::1', 'ipv6')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')
/** The IPv6 addresses at which AWS serves credentials. */
const METADATA = new BlockList()
METADATA.addSubnet('fd00:ec2::', 32, 'ipv6')

/** The doorbell function is inside the private network and posts to the URL of an event. A caller that can
 *  send it an event must reach nothing but servers through it. So the URL must be plain http, with neither
 *  name, user, path nor query.
 *  @returns what is wrong with the URL, in words. Undefined when it is the URL of a server */
export function serverUrlFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:') return 'is http:// with an address and a port'
  if (url.username !== '' || url.password !== '') return 'has a user or a password in it'
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || /[?#]/.test(text)) {
    return 'has a path, a query or a fragment: a server has none'
  }
  if (url.port === '0' || isForbiddenPort(Number(url.port)))
    return `has the port ${url.port}, which fetch forbids`
  if (!isPrivate(url.hostname)) return 'is not at a private address or at localhost'
  return undefined
}

/** No name but localhost is accepted: another address could answer to a name after the check. */
function isPrivate(hostname: string): boolean {
  if (hostname === 'localhost' || isIPv4(hostname)) {
    return hostname === 'localhost' || PRIVATE.check(hostname, 'ipv4')
  }
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIPv6(address) && PRIVATE.check(address, 'ipv6') && !METADATA.check(address, 'ipv6')
}
