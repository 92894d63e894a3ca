import { expect, test } from 'vitest'
import { originOf } from './network.ts'

test.each([
  ['upper and lower case', '2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['compressed and whole', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['IPv4 mapped with dots', '::ffff:192.0.2.7', '192.0.2.7'],
  ['IPv4 mapped in hex', '::FFFF:c000:207', '192.0.2.7'],
  ['IPv4 mapped in full', '0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
  ['another zone', 'fe80::1%eth0.100', 'fe80::1'],
  ['IPv4 mapped with a zone', '::ffff:192.0.2.7%eth0', '192.0.2.7'],
  ['another host of one /64', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::'],
])('%s: the same client', (_, a, b) => {
  expect(originOf(a)).toEqual(originOf(b))
  expect(originOf(a)).not.toBeNull()
})

test('another IPv4 address is another client in the same /24', () => {
  const [a, b] = [originOf('192.0.2.7'), originOf('192.0.2.8')]
  expect(a?.address).not.toBe(b?.address)
  expect(a?.network).toBe(b?.network)
  expect(originOf('192.0.3.7')?.network).not.toBe(a?.network)
})

test('another IPv6 /64 is another client in the same /48', () => {
  const [a, b] = [originOf('2001:db8:1:2::1'), originOf('2001:db8:1:3::1')]
  expect(a?.address).not.toBe(b?.address)
  expect(a?.network).toBe(b?.network)
  expect(originOf('2001:db8:2:2::1')?.network).not.toBe(a?.network)
})

test('an address is its bytes (THR-5)', () => {
  expect(originOf('192.0.2.7')).toEqual({ address: 'c0000207', network: 'c00002' })
  expect(originOf('2001:db8::1:2:3')).toEqual({ address: '20010db800000000', network: '20010db80000' })
  expect(originOf('1:2:3:4:5:6:7::')).toEqual({ address: '0001000200030004', network: '000100020003' })
  expect(originOf('::')).toEqual({ address: '0000000000000000', network: '000000000000' })
})

test.each([
  null,
  undefined,
  '',
  'unknown',
  '010.0.0.1',
  '1.2.3',
  '1.2.3.4:80',
  '[::1]',
  '::1, 192.0.2.7',
  '1.2.3.4 ',
  ':::',
])('%j is no address', (ip) => {
  expect(originOf(ip)).toBeNull()
})
