import { describe, expect, test } from 'vitest'
import { TrustedProxies, canonicalAddress, rangeProblem } from './client-address.ts'

const PROXY = '10.0.0.1'
const proxies = new TrustedProxies(['10.0.0.0/8', 'fd00::/8', '192.0.2.200'])

describe('NET-1: the client is', () => {
  test('the other end of the socket while nobody is trusted, whatever is claimed', () => {
    const nobody = new TrustedProxies([])
    expect(nobody.isEmpty).toBe(true)
    expect(nobody.clientOf('127.0.0.1', '203.0.113.9')).toBe('127.0.0.1')
    expect(nobody.clientOf(PROXY, '203.0.113.9, 203.0.113.10')).toBe(PROXY)
    expect(nobody.clientOf(null, '203.0.113.9')).toBeNull()
  })

  test('the other end of the socket while that is nobody we trust', () => {
    expect(proxies.clientOf('198.51.100.7', '203.0.113.9')).toBe('198.51.100.7')
    expect(proxies.clientOf('11.0.0.1', '203.0.113.9')).toBe('11.0.0.1')
  })

  test('the trusted proxy itself where it passes nothing on', () => {
    expect(proxies.clientOf(PROXY, null)).toBe(PROXY)
  })

  test.each([
    ['one hop', '203.0.113.9', '203.0.113.9'],
    ['a spoofed left-most hop', '1.2.3.4, 203.0.113.9', '203.0.113.9'],
    ['a spoofed hop that claims to be a proxy of ours', '10.9.9.9, 203.0.113.9', '203.0.113.9'],
    ['several proxies of ours', '1.2.3.4, 203.0.113.9, 10.1.1.1, 192.0.2.200', '203.0.113.9'],
    ['a chain that is longer than our trust', '1.1.1.1, 2.2.2.2, 203.0.113.9, 10.1.1.1', '203.0.113.9'],
    ['nothing but proxies of ours', '10.1.1.1, 10.2.2.2', '10.1.1.1'],
    ['no spaces', '1.2.3.4,203.0.113.9', '203.0.113.9'],
    ['a port', '203.0.113.9:4711', '203.0.113.9'],
    ['IPv6', '2001:DB8:0:0::7', '2001:db8::7'],
    ['IPv6 in brackets', '[2001:db8::7]', '2001:db8::7'],
    ['IPv6 in brackets with a port', '[2001:db8::7]:443', '2001:db8::7'],
    ['IPv4 in the clothes of IPv6', '::ffff:203.0.113.9', '203.0.113.9'],
    ['a proxy of ours in the clothes of IPv6', '203.0.113.9, ::ffff:10.1.1.1', '203.0.113.9'],
    ['IPv6 proxies of ours', '203.0.113.9, fd00::1', '203.0.113.9'],
  ])('found from right to left: %s', (_, header, client) => {
    expect(proxies.clientOf(PROXY, header)).toBe(client)
    expect(proxies.clientOf(`::ffff:${PROXY}`, header)).toBe(client)
  })

  test.each([
    'unknown',
    '_hidden',
    '',
    ' ',
    ',',
    '203.0.113.9, ',
    '203.0.113.9, unknown',
    '0177.0.0.1',
    '127.1',
    '203.0.113.256',
    '203.0.113.9:port',
    '203.0.113.9:999999',
    '[2001:db8::7',
    '2001:db8::7]',
    '[203.0.113.9',
    '"203.0.113.9"',
    'for=203.0.113.9',
    '203.0.113.9; 10.0.0.1',
    '203.0.113.9/32',
    '２０３.0.113.9',
    'example.com',
    '<script>',
  ])('the proxy that passed on what is no address: %j', (header) => {
    expect(proxies.clientOf(PROXY, header)).toBe(PROXY)
  })

  test('not looked for left of the first hop that nobody checked', () => {
    expect(proxies.clientOf(PROXY, 'rubbish, 203.0.113.9')).toBe('203.0.113.9')
    expect(proxies.clientOf(PROXY, '203.0.113.9, rubbish, 10.1.1.1')).toBe(PROXY)
  })
})

test('THR-5: one address has one spelling', () => {
  const one = [
    '203.0.113.9',
    '::ffff:203.0.113.9',
    '::FFFF:203.0.113.9',
    '::ffff:cb00:7109',
    '0:0:0:0:0:ffff:cb00:7109',
  ]
  expect(new Set(one.map(canonicalAddress))).toEqual(new Set(['203.0.113.9']))
  const other = ['fe80::1', 'FE80::0001', 'fe80:0:0:0:0:0:0:1', 'fe80::1%eth0']
  expect(new Set(other.map(canonicalAddress))).toEqual(new Set(['fe80::1']))
  for (const rubbish of ['', 'localhost', '1.2.3', '1.2.3.4.5', ':', '%eth0'])
    expect(canonicalAddress(rubbish)).toBeNull()
})

test('whoever would trust everybody, or names no address, is told', () => {
  for (const range of ['10.0.0.7', '10.0.0.0/8', '::1', 'fd00::/8', '127.0.0.1/32', '::1/128']) {
    expect(rangeProblem(range)).toBeNull()
  }
  for (const range of ['0.0.0.0/0', '::/0']) expect(rangeProblem(range)).toContain('everybody')
  for (const range of [
    '',
    'nginx',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    'fd00::/129',
    'fe80::1%0',
  ]) {
    expect(rangeProblem(range)).toContain('no address')
    expect(() => new TrustedProxies([range])).toThrow('no address')
  }
})
