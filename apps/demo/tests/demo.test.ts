import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'

/** Where pictures for the documentation go; without it none are kept. */
const pictures = process.env.PARLEY_PICTURES

let cloud: DevCloud
const windows: Window[] = []

async function window(options?: Parameters<typeof openWindow>[1]): Promise<Window> {
  const opened = await openWindow(cloud.url, options)
  windows.push(opened)
  return opened
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return
  mkdirSync(pictures, { recursive: true })
  // Transitions are brought to their end, or a change of theme would be caught half-way.
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' })
}

const user = (page: Page, id: string) => page.locator(`[data-user="${id}"]`)
const bubble = (who: Locator, text: string) => who.locator('.parley-bubble', { hasText: text })
const conversation = (who: Locator, name: string) => who.locator('.parley-conversation', { hasText: name })

async function say(who: Locator, text: string): Promise<void> {
  const field = who.locator('.parley-composer textarea')
  await field.fill(text)
  await field.press('Enter')
}

/** A picture worth sending, as PNG. */
async function drawChart(page: Page): Promise<Buffer> {
  const address = await page.evaluate(() => {
    const canvas = document.createElement('canvas')
    canvas.width = 960
    canvas.height = 540
    const context = canvas.getContext('2d')
    if (!context) return ''
    context.fillStyle = '#f4f7ff'
    context.fillRect(0, 0, 960, 540)
    context.fillStyle = '#1b2a52'
    context.font = '600 34px sans-serif'
    context.fillText('Beta testers, week by week', 60, 78)
    for (const [week, testers] of [6, 9, 15, 18, 26, 31, 38].entries()) {
      context.fillStyle = week === 6 ? '#2b59ff' : '#a9bcff'
      context.beginPath()
      context.roundRect(60 + week * 122, 490 - testers * 9.5, 84, testers * 9.5, 12)
      context.fill()
    }
    return canvas.toDataURL('image/png')
  })
  return Buffer.from(address.split(',')[1] ?? '', 'base64')
}

describe.skipIf(!hasChromium)('the demo in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
  })

  afterAll(async () => {
    await cloud?.close()
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  test('two users side by side chat, see typing and receipts, edit and recall; a reload keeps all', async () => {
    const { open, problems } = await window()
    const page = await open('/')
    const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
    await say(alice, 'Good morning, Bob! Did the beta testers write back?')
    await bubble(bob, 'beta testers').waitFor()
    await say(bob, 'They did: 38 of 40 want to stay on.')
    await say(bob, 'Two asked for group read receipts, see https://example.com/notes')
    await bubble(alice, 'Two asked').waitFor()
    await alice.locator('.parley-row[data-own] .parley-message-state[data-state="read"]').first().waitFor()
    await say(alice, 'Better than I dared to hop')
    await bubble(bob, 'dared to hop').waitFor()
    await alice.locator('.parley-composer textarea').press('ArrowUp')
    await say(alice, 'Better than I dared to hope.')
    await bubble(bob, 'dared to hope.').getByText('edited').waitFor()
    await say(alice, 'Wrong window, sorry')
    await bubble(bob, 'Wrong window').waitFor()
    await bubble(alice, 'Wrong window').hover()
    await alice
      .locator('.parley-row', { hasText: 'Wrong window' })
      .getByRole('button', { name: 'More' })
      .click()
    await page.getByRole('menuitem', { name: 'Recall' }).click()
    await bob.locator('.parley-notice', { hasText: 'Alice recalled a message' }).waitFor()

    const image = await drawChart(page)
    await alice.locator('input[type="file"]').setInputFiles([
      { name: 'chart.png', mimeType: 'image/png', buffer: image },
      { name: 'launch-plan.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(300_000, 7) },
    ])
    await alice.locator('.parley-draft').nth(1).waitFor()
    await alice.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-image-card img[data-shown]').waitFor()
    await bob.locator('.parley-file-card', { hasText: 'launch-plan.pdf' }).waitFor()
    await bob.locator('.parley-composer textarea').pressSequentially('That chart')
    await alice.locator('.parley-pane-title', { hasText: 'Bob is typing' }).waitFor()
    await picture(page, 'demo-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'demo-dark')
    await page.emulateMedia({ colorScheme: 'light' })

    await bob.locator('.parley-image-card').click()
    await page.locator('.parley-viewer img').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.parley-viewer').waitFor({ state: 'detached' })

    const before = await alice.locator('.parley-bubble:not(.parley-typing)').allInnerTexts()
    await page.reload()
    await alice.locator('.parley-image-card img[data-shown]').waitFor()
    expect(await alice.locator('.parley-bubble:not(.parley-typing)').allInnerTexts()).toEqual(before)
    expect(await bob.locator('.parley-composer textarea').inputValue()).toBe('That chart')
    expect(problems).toEqual([])
  })

  test('what is written offline waits, survives a reload, and arrives once when the network is back', async () => {
    const [first, second] = [await window(), await window()]
    const alice = user(await first.open('/?user=alice'), 'alice')
    const bob = user(await second.open('/?user=bob'), 'bob')
    const page = alice.page()
    await conversation(alice, 'Launch team').click()
    await conversation(bob, 'Launch team').click()
    await say(alice, 'Before the tunnel')
    await bubble(bob, 'Before the tunnel').waitFor()
    await alice.getByRole('button', { name: 'Go offline' }).click()
    await alice.getByText('You are offline').waitFor()
    await say(alice, 'In the tunnel, one')
    await say(alice, 'In the tunnel, two')
    await bubble(alice, 'tunnel, two').locator('[data-state="sending"]').waitFor()
    await say(bob, 'Meanwhile outside')
    await bubble(bob, 'Meanwhile outside').waitFor()
    expect(await bubble(alice, 'Meanwhile outside').count()).toBe(0)

    await page.reload()
    await bubble(bob, 'tunnel, two').waitFor()
    await bubble(alice, 'Meanwhile outside').waitFor()
    await bubble(alice, 'tunnel, two').locator('[data-state="read"]').waitFor()
    for (const who of [alice, bob]) {
      const texts = (await who.locator('.parley-bubble .parley-text').allInnerTexts()).slice(-4)
      expect(texts).toEqual([
        'Before the tunnel',
        'Meanwhile outside',
        'In the tunnel, one',
        'In the tunnel, two',
      ])
    }
    expect([...first.problems, ...second.problems]).toEqual([])
  })

  test('the network goes and comes back under a page that stays', async () => {
    const { open, context, problems } = await window()
    const page = await open('/?user=alice')
    const alice = user(page, 'alice')
    await conversation(alice, 'Launch team').click()
    await context.setOffline(true)
    await alice.getByText('Connection lost').waitFor()
    await say(alice, 'Sent without a network')
    await bubble(alice, 'Sent without a network').locator('[data-state="sending"]').waitFor()
    await context.setOffline(false)
    await bubble(alice, 'Sent without a network')
      .locator('[data-state="sent"], [data-state="read"]')
      .waitFor()
    // The browser itself reports requests that failed while there was no network.
    expect(problems.filter((problem) => !problem.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([])
  })

  test('two tabs of one user share the store and converge, also after one of them is gone', async () => {
    const { open, problems } = await window()
    const pages = [await open('/?user=alice'), await open('/?user=alice')]
    const [one, two] = pages.map((page) => user(page, 'alice')) as [Locator, Locator]
    for (const tab of [one, two]) await conversation(tab, 'Launch team').click()
    await say(one, 'From the first tab')
    await bubble(two, 'From the first tab').waitFor()
    await say(two, 'From the second tab')
    await bubble(one, 'From the second tab').waitFor()
    await pages[0]?.close()
    await say(two, 'The first is gone')
    await bubble(two, 'The first is gone').locator('[data-state="sent"], [data-state="read"]').waitFor()
    const before = await two.locator('.parley-bubble .parley-text').allInnerTexts()
    await pages[1]?.reload()
    await bubble(two, 'The first is gone').waitFor()
    expect(await two.locator('.parley-bubble .parley-text').allInnerTexts()).toEqual(before)
    expect(problems).toEqual([])
  })

  test('older messages come when the reader scrolls up, and the place stays', async () => {
    for (let number = 1; number <= 180; number++) {
      const content = { type: 'text', text: `line ${number} of the long history` }
      const message = { toUserId: 'alice', fromUserId: 'bob', clientMessageId: `history ${number}`, content }
      const { status } = await cloud.call('POST', '/v1/messages', message)
      expect(status).toBe(201)
    }
    const { open, problems } = await window()
    const page = await open('/?user=alice')
    const alice = user(page, 'alice')
    await conversation(alice, 'Bob').click()
    await bubble(alice, 'line 180 of').waitFor()
    const list = alice.locator('.parley-thread')
    const seen = new Set<number>()
    for (let round = 0; round < 200 && !seen.has(1); round++) {
      for (const text of await alice.locator('.parley-bubble .parley-text').allInnerTexts()) {
        const found = /^line (\d+) of/.exec(text)
        if (found) seen.add(Number(found[1]))
      }
      await list.evaluate((element) => {
        element.scrollTop -= element.clientHeight / 2
      })
      await page.waitForTimeout(30)
    }
    expect([...seen].sort((one, other) => one - other)).toEqual(
      Array.from({ length: 180 }, (_, index) => index + 1),
    )
    await alice.getByRole('button', { name: 'To the latest message' }).click()
    await bubble(alice, 'line 180 of').waitFor()
    expect(problems).toEqual([])
  })

  test('on a phone there is one column, in Chinese and dark where the system says so', async () => {
    const { open, problems } = await window({
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
      hasTouch: true,
      locale: 'zh-CN',
      colorScheme: 'dark',
    })
    const page = await open('/?user=bob')
    const bob = user(page, 'bob')
    await conversation(bob, 'Launch team').waitFor()
    expect(await bob.locator('.parley-pane').count()).toBe(0)
    await picture(page, 'demo-phone-list')
    await conversation(bob, 'Launch team').tap()
    await bob.getByRole('button', { name: '返回会话列表' }).waitFor()
    expect(await bob.locator('.parley-sidebar').isVisible()).toBe(false)
    await say(bob, '手机上的消息')
    await bubble(bob, '手机上的消息').locator('[data-state="sent"], [data-state="read"]').waitFor()
    await picture(page, 'demo-phone-dark-zh')
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(width).toBe(390)
    expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe('rgb(233, 237, 244)')
    await bob.getByRole('button', { name: '返回会话列表' }).tap()
    expect(await bob.locator('.parley-sidebar').isVisible()).toBe(true)
    expect(problems).toEqual([])
  })

  test('a group is made from the dialog by keyboard alone, and a message that is refused can be taken back', async () => {
    const { open, problems } = await window()
    const page = await open('/')
    const alice = user(page, 'alice')
    await conversation(alice, 'Launch team').waitFor()
    await alice.getByRole('button', { name: 'New conversation' }).press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('radio', { name: 'Direct' }).press('ArrowRight')
    await dialog.getByLabel('Group name').fill('Weekend')
    await dialog.getByLabel('Members').fill('bob')
    await dialog.getByLabel('Members').press('Enter')
    await alice.locator('.parley-pane-title', { hasText: 'Weekend' }).waitFor()
    await conversation(user(page, 'bob'), 'Weekend').waitFor()
    const id = await page.evaluate(() => localStorage.getItem('parley open alice') ?? '')
    const { status } = await cloud.call('DELETE', `/v1/conversations/${id}/members/alice`)
    expect(status).toBe(200)
    await conversation(alice, 'Weekend').waitFor({ state: 'detached' })
    expect(problems).toEqual([])
  })
})
