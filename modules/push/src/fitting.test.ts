import { expect, test } from 'vitest'
import { fittedPayload, truncated } from './fitting.ts'
import { isQuiet } from './preference/quiet-hours.ts'
import { inLanguage, render } from './template/render.ts'

const family = '👨‍👩‍👧‍👦'

test('PUSH-31: text is cut between graphemes, never inside one', () => {
  expect(truncated('short', 5)).toBe('short')
  expect(truncated('longer', 5)).toBe('long…')
  expect(truncated(family.repeat(4), 4)).toBe(family.repeat(4))
  expect(truncated(family.repeat(5), 4)).toBe(`${family.repeat(3)}…`)
  expect(truncated('e\u0301'.repeat(9), 3)).toBe(`${'e\u0301'.repeat(2)}…`)
})

test('PUSH-24: a payload is cut to the bytes a push service takes, as late as can be', () => {
  const encode = JSON.stringify
  const notification = { title: 'Ann', body: family.repeat(400), data: { messageId: 'msg_1' } }
  const payload = fittedPayload(notification, 4096, encode) ?? ''
  const { body } = JSON.parse(payload) as { body: string }
  expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(4096)
  expect(Buffer.byteLength(payload)).toBeGreaterThan(4096 - Buffer.byteLength(family) - 4)
  expect(body.endsWith(`${family}…`)).toBe(true)
  expect(fittedPayload({ ...notification, data: { huge: 'x'.repeat(5_000) } }, 4096, encode)).toBeUndefined()
})

test('PUSH-30: variables are filled in once; what is missing is empty and what is unsafe is left out', () => {
  const variables = { 'sender.name': '{{message.text}}', 'message.text': 'line\none\u202e' }
  const template = { title: '{{ sender.name }}', body: '{{message.text}}|{{nobody}}|{{constructor}}' }
  expect(render(template, variables)).toEqual({ title: '{{message.text}}', body: 'line one||' })
})

test('PUSH-32: a language falls back to its base, then to English, then to the first', () => {
  const text = (title: string) => ({ title, body: '' })
  const all = { fr: text('fr'), en: text('en'), 'zh-CN': text('zh') }
  expect(inLanguage(all, 'zh-cn').title).toBe('zh')
  expect(inLanguage(all, 'zh-TW').title).toBe('zh')
  expect(inLanguage(all, 'fr-CA').title).toBe('fr')
  expect(inLanguage(all, 'de').title).toBe('en')
  expect(inLanguage({ fr: text('fr') }, undefined).title).toBe('fr')
})

test('PUSH-12: quiet hours follow the clock of their time zone and go over midnight', () => {
  const night = { start: '22:00', end: '07:00', timeZone: 'Asia/Shanghai', mentionsPass: false }
  expect(isQuiet(night, new Date('2026-01-01T14:00:00Z'))).toBe(true)
  expect(isQuiet(night, new Date('2026-01-01T13:59:00Z'))).toBe(false)
  expect(isQuiet(night, new Date('2026-01-01T22:59:00Z'))).toBe(true)
  expect(isQuiet(night, new Date('2026-01-01T23:00:00Z'))).toBe(false)
  const lunch = { ...night, start: '12:00', end: '13:00', timeZone: 'Europe/Berlin' }
  expect(isQuiet(lunch, new Date('2026-07-01T10:30:00Z'))).toBe(true)
  expect(isQuiet(lunch, new Date('2026-01-01T10:30:00Z'))).toBe(false)
})
