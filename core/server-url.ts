/** The address of a server, as its row has it and as the doorbell function rings it. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { isForbiddenPort } from './fetch-ports.ts'

/** Where machines of one private network have their addresses. Link-local ones are left out: there AWS hands out credentials. */
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
/** The same services of AWS, over IPv6. */
const METADATA = new BlockList()
METADATA.addSubnet('fd00:ec2::', 32, 'ipv6')

/** The doorbell function stands inside the private network and posts to what an event names. Whoever can send it an event
 *  must not reach anything by it but servers: so a plain http address with neither name, user, path nor query.
 *  @returns what is wrong with it; undefined when it is the address of a server */
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

/** Names other than localhost are not looked up: who answers them can change after the look. */
function isPrivate(hostname: string): boolean {
  if (hostname === 'localhost' || isIPv4(hostname)) {
    return hostname === 'localhost' || PRIVATE.check(hostname, 'ipv4')
  }
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIPv6(address) && PRIVATE.check(address, 'ipv6') && !METADATA.check(address, 'ipv6')
}
