import { expect, test } from 'vitest'
import { deviceLabel, keptIp, keptUserAgent } from './device.ts'

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)'

test.each([
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/126.0.0.0 Safari/537.36`, 'Chrome on Windows'],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/126.0 Safari/537.36 Edg/126.0`, 'Edge on Windows'],
  [`Mozilla/5.0 (X11; Linux x86_64) ${WEBKIT} Chrome/126.0 Safari/537.36 OPR/112.0`, 'Opera on Linux'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Safari on macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
  ],
  [`Mozilla/5.0 (Linux; Android 14; Pixel 8) ${WEBKIT} Chrome/126.0 Mobile Safari/537.36`, 'Chrome on Android'],
  ['curl/8.5.0', 'curl'],
  ['okhttp/4.12.0', 'okhttp'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Bot'],
  ['Mozilla/5.0 (Windows NT 10.0) Something', 'App on Windows'],
  ['Mozilla/5.0', 'unknown device'],
  ['', 'unknown device'],
  [null, 'unknown device'],
])('%s is called %s', (userAgent, label) => {
  expect(deviceLabel(userAgent)).toBe(label)
})

test('a name stays the same however many devices were named in between', () => {
  expect(deviceLabel('curl/8.5.0')).toBe('curl')
  for (let place = 0; place < 2_500; place += 1) deviceLabel(`client/${place}`)
  expect(deviceLabel('curl/8.5.0')).toBe('curl')
})

test('a user agent of any length is named at once', () => {
  const hostile = `Version/${'1.'.repeat(200_000)}`
  const start = performance.now()
  deviceLabel(hostile)
  expect(performance.now() - start).toBeLessThan(100)
})

test('a user agent is kept to 512 characters and never ends in half a character', () => {
  const kept = keptUserAgent(`${'x'.repeat(511)}😀`)
  expect(kept).toHaveLength(512)
  expect(kept?.isWellFormed()).toBe(true)
  expect(keptUserAgent('y'.repeat(512))).toBe('y'.repeat(512))
})

test('what is not known is kept as null', () => {
  for (const unknown of [undefined, null, '']) {
    expect(keptUserAgent(unknown)).toBeNull()
    expect(keptIp(unknown)).toBeNull()
  }
})

test('an address is kept as it is, and dropped when it is longer than any address', () => {
  expect(keptIp('2001:db8::1%eth0')).toBe('2001:db8::1%eth0')
  expect(keptIp('x'.repeat(64))).toBe('x'.repeat(64))
  expect(keptIp('x'.repeat(65))).toBeNull()
})
