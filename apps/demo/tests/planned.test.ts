import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow } from './browser.ts'
import { buildPage } from './build-page.ts'
import { attach, conversation, dialogOf, field, inspect, makeUsers, row, user } from './messenger-page.ts'

let cloud: DevCloud

/** What the field of a time holds so long after now, in the zone of the browser. */
const inputIn = (who: Locator, ms: number) =>
  who.page().evaluate((aheadMs) => {
    const at = new Date(Date.now() + aheadMs)
    return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
  }, ms)

async function plan(who: Locator, text: string, aheadMs: number): Promise<void> {
  const form = await attach(who, 'Send later')
  await form.getByLabel('Message').fill(text)
  await form.getByLabel('Send at').fill(await inputIn(who, aheadMs))
  await form.getByRole('button', { name: 'Plan' }).click()
  await form.waitFor({ state: 'detached' })
}

describe.skipIf(!hasChromium)('planned messages in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
    await makeUsers(cloud)
  })

  afterAll(async () => {
    await cloud?.close()
  })

  test('messages are planned in the zone of the writer, changed, given up, and sent when their time comes', async () => {
    const { open, close, problems } = await openWindow(cloud.url, { timezoneId: 'Asia/Shanghai' })
    try {
      const page = await open('/')
      const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
      await conversation(alice, 'Launch team').click()
      await conversation(bob, 'Launch team').click()
      await field(alice).fill('Good morning from Shanghai')
      const form = await attach(alice, 'Send later')
      expect(await form.getByLabel('Message').inputValue()).toBe('Good morning from Shanghai')
      await form.getByText('Time zone: Asia/Shanghai, GMT+08:00').waitFor()
      await form.getByLabel('Send at').fill('2020-01-01T09:00:00')
      expect(await form.getByRole('button', { name: 'Plan' }).isDisabled()).toBe(true)
      await inspect(page, 'messenger-plan')
      await form.getByLabel('Send at').fill(await inputIn(alice, 3_600_000))
      await form.getByRole('button', { name: 'Plan' }).click()
      await alice.getByRole('button', { name: '1 planned message' }).click()
      expect(await field(alice).inputValue()).toBe('')
      const panel = alice.locator('.parley-planned')
      await panel.getByText('Good morning from Shanghai').waitFor()
      await panel.getByRole('button', { name: 'Close' }).click()
      await plan(alice, 'Never to be sent', 7_200_000)
      await alice.getByRole('button', { name: '2 planned messages' }).click()
      await panel.getByRole('listitem').nth(1).waitFor()
      await inspect(page, 'messenger-planned')

      // It is kept on the server: a reload finds it, and nobody else sees anything of it.
      await page.reload()
      await alice.getByRole('button', { name: '2 planned messages' }).click()
      expect(await bob.getByText('planned message').count()).toBe(0)

      await panel
        .getByRole('listitem')
        .filter({ hasText: 'Never to be sent' })
        .getByRole('button', { name: 'Do not send it' })
        .click()
      await panel.getByText('Never to be sent').waitFor({ state: 'detached' })
      await panel.getByRole('button', { name: 'Change the planned message' }).click()
      await dialogOf(alice).getByLabel('Message').fill('Good morning, a little earlier')
      await dialogOf(alice)
        .getByLabel('Send at')
        .fill(await inputIn(alice, 4_000))
      await dialogOf(alice).getByRole('button', { name: 'Plan' }).click()
      await row(bob, 'Good morning, a little earlier').waitFor({ timeout: 20_000 })
      await row(alice, 'Good morning, a little earlier').waitFor()
      await panel.getByText('Nothing is planned here').waitFor()
      await alice.getByRole('button', { name: /planned message/ }).waitFor({ state: 'detached' })
      expect(await row(bob, 'from Shanghai').count()).toBe(0)
      expect(problems).toEqual([])
    } finally {
      await close()
    }
  }, 90_000)

  test('the first message of a direct conversation can be a planned one', async () => {
    const first = await openWindow(cloud.url)
    const second = await openWindow(cloud.url)
    try {
      const carol = user(await first.open('/?user=carol'), 'carol')
      await carol.getByRole('button', { name: 'New conversation' }).first().click()
      await dialogOf(carol).getByLabel('User id').fill('dave')
      await dialogOf(carol).getByRole('button', { name: 'Start' }).click()
      await plan(carol, 'We have not met', 3_000)
      const dave = user(await second.open('/?user=dave'), 'dave')
      await conversation(dave, 'Carol').click({ timeout: 20_000 })
      await row(dave, 'We have not met').waitFor()
      expect([...first.problems, ...second.problems]).toEqual([])
    } finally {
      await first.close()
      await second.close()
    }
  }, 60_000)
})
