import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { missingForBrowser } from '../../../modules/rtc/tests/build-sfu.ts'
import { fakeDevices, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'

const missing = await missingForBrowser()
/** Where pictures for the documentation go; without it none are kept. */
const pictures = process.env.PARLEY_PICTURES

describe.skipIf(missing !== '')(`the meeting of the demo${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  const windows: Window[] = []

  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud({ env: { PARLEY_MEDIA_ADDRESSES: '127.0.0.1' } })
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  afterAll(async () => {
    await cloud?.close()
  })

  async function enter(userId: string, roomId: string, options?: Parameters<typeof openWindow>[1]) {
    const window = await openWindow(
      cloud.url,
      { viewport: { width: 1100, height: 680 }, ...options },
      fakeDevices,
    )
    // Several browsers encode and decode video in software beside each other.
    window.context.setDefaultTimeout(20_000)
    windows.push(window)
    const page = await window.open(`/?meeting=${roomId}&user=${userId}`)
    await page.locator('.lobby-preview video').waitFor()
    return { page, problems: window.problems }
  }

  const joinNow = async (page: Page) => {
    await page.locator('.lobby-join').click()
    await page.locator('.control-bar').waitFor()
  }
  const tile = (page: Page, userId: string) => page.locator(`.tile[data-participant="${userId}"]`)
  /** The picture moves: frames were decoded and more are. */
  const moves = async (page: Page, selector: string) => {
    await page.waitForFunction((selector) => {
      const video = document.querySelector<HTMLVideoElement>(selector)
      return (video?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 10
    }, selector)
  }
  const picture = async (page: Page, name: string) => {
    if (pictures === undefined) return
    mkdirSync(pictures, { recursive: true })
    await page.screenshot({ path: join(pictures, `${name}.png`) })
  }

  test('two people meet, mute, share a screen, write, leave and come back', async () => {
    const alice = await enter('alice', 'standup')
    await picture(alice.page, 'meeting-lobby')
    await alice.page.getByLabel('Your name').fill('Alice Winter')
    await joinNow(alice.page)
    await alice.page.getByText('Nobody else is here yet').waitFor()
    const bob = await enter('bob', 'standup')
    await joinNow(bob.page)
    await moves(alice.page, '.tile[data-participant="bob"] video')
    await moves(bob.page, '.tile[data-participant="alice"] video')
    await tile(bob.page, 'alice').getByText('Alice Winter').waitFor()
    await picture(alice.page, 'meeting-two')

    await alice.page.keyboard.press('m')
    await bob.page.getByRole('listitem', { name: 'Alice Winter, muted' }).waitFor()
    await alice.page.getByRole('button', { name: 'Unmute' }).click()
    await alice.page.getByRole('button', { name: 'Stop camera' }).click()
    await tile(bob.page, 'alice').locator('.tile-face').waitFor()
    await alice.page.getByRole('button', { name: 'Start camera' }).click()
    await moves(bob.page, '.tile[data-participant="alice"] video')

    await alice.page.getByRole('button', { name: 'Share screen' }).click()
    await bob.page.getByText('Alice Winter shares the screen').waitFor()
    await moves(bob.page, '.screen-tile video')
    await bob.page.getByRole('button', { name: 'Chat' }).click()
    await bob.page.locator('.parley-composer textarea').fill('I can see your screen')
    await bob.page.locator('.parley-composer textarea').press('Enter')
    await alice.page.getByRole('button', { name: 'Chat' }).click()
    await alice.page.locator('.parley-bubble', { hasText: 'I can see your screen' }).waitFor()
    await picture(bob.page, 'meeting-screen')
    await alice.page.getByRole('button', { name: 'Stop sharing' }).click()
    await bob.page.locator('.screen-tile').waitFor({ state: 'detached' })

    await bob.page.getByRole('button', { name: 'Connection' }).click()
    const flow = (text: string) => bob.page.locator('.flows li', { hasText: text })
    await flow('Alice Winter · camera').getByText('kbit/s').waitFor()
    await flow('You · camera').getByText('kbit/s').waitFor()
    await alice.page.keyboard.press('m')
    await flow('Alice Winter · microphone').getByText('Muted').waitFor()
    await alice.page.keyboard.press('m')
    await picture(bob.page, 'meeting-connection')

    await bob.page.getByRole('button', { name: 'People' }).click()
    expect(await bob.page.locator('.person').count()).toBe(2)
    await bob.page.getByRole('button', { name: 'Leave' }).click()
    await bob.page.getByText('You left the meeting').waitFor()
    await tile(alice.page, 'bob').waitFor({ state: 'detached' })
    await bob.page.getByRole('button', { name: 'Join again' }).click()
    await joinNow(bob.page)
    await moves(alice.page, '.tile[data-participant="bob"] video')
    expect([...alice.problems, ...bob.problems]).toEqual([])
  }, 90_000)

  test('with a passphrase the meeting has a lock, and only who knows it sees the others', async () => {
    const alice = await enter('alice', 'secret')
    const bob = await enter('bob', 'secret')
    const carol = await enter('carol', 'secret')
    await alice.page.getByLabel('Passphrase').fill('correct horse')
    await joinNow(alice.page)
    await alice.page.getByRole('img', { name: /End-to-end encrypted/ }).waitFor()
    await bob.page.locator('.lobby-join').click()
    await bob.page.getByRole('alert').getByText('Either everybody').waitFor()
    await bob.page.getByLabel('Passphrase').fill('correct horse')
    await joinNow(bob.page)
    await moves(bob.page, '.tile[data-participant="alice"] video')
    await moves(alice.page, '.tile[data-participant="bob"] video')
    await carol.page.getByLabel('Passphrase').fill('wrong horse')
    await joinNow(carol.page)
    await tile(carol.page, 'alice').getByText('Cannot be decrypted').waitFor()
    await tile(alice.page, 'carol').getByText('Cannot be decrypted').waitFor()
    expect(
      await carol.page.evaluate(() => {
        const video = document.querySelector<HTMLVideoElement>('.tile[data-participant="alice"] video')
        return video?.getVideoPlaybackQuality().totalVideoFrames
      }),
    ).toBe(0)
    await picture(alice.page, 'meeting-encrypted')
    expect([...alice.problems, ...bob.problems, ...carol.problems]).toEqual([])
  }, 90_000)

  test('noise suppression and a blurred background are switched in the menu, and kept over a reload', async () => {
    const alice = await enter('alice', 'effects')
    const bob = await enter('bob', 'effects', { locale: 'zh-CN', colorScheme: 'dark' })
    await joinNow(alice.page)
    await joinNow(bob.page)
    const { page } = alice
    const menu = page.locator('.device-menu')
    const isOn = () => page.getByRole('switch', { name: 'Noise suppression' }).isChecked()
    await page.getByRole('button', { name: 'Devices' }).click()
    await page.getByRole('switch', { name: 'Noise suppression' }).click()
    await expect.poll(isOn, { timeout: 20_000 }).toBe(true)
    await menu.getByTitle('Background').selectOption('blur')
    await menu.getByText('All of the picture is blurred').waitFor()
    await moves(bob.page, '.tile[data-participant="alice"] video')
    await picture(page, 'meeting-effects')
    await menu.getByRole('button', { name: 'Show the empty room' }).click()
    await menu.getByText('Step out of the picture…').waitFor()
    await page.getByText('Only the room is blurred now').waitFor()
    await menu.getByText('All of the picture is blurred').waitFor({ state: 'detached' })
    await bob.page.getByRole('button', { name: '设备' }).click()
    await bob.page.locator('.device-menu').getByTitle('背景').selectOption('blur')
    await bob.page.getByText('整个画面都会虚化').waitFor()
    await picture(bob.page, 'meeting-effects-zh')

    await page.reload()
    await page.locator('.lobby-preview video').waitFor()
    await joinNow(page)
    await page.getByRole('button', { name: 'Devices' }).click()
    expect(await isOn()).toBe(true)
    expect(await menu.getByTitle('Background').inputValue()).toBe('blur')
    await menu.getByTitle('Background').selectOption('none')
    await expect.poll(() => menu.getByTitle('Background').inputValue(), { timeout: 20_000 }).toBe('none')
    expect([...alice.problems, ...bob.problems]).toEqual([])
  }, 120_000)

  test('a page that is closed leaves at once', async () => {
    const carol = await enter('carol', 'closing')
    const dave = await enter('dave', 'closing')
    await joinNow(carol.page)
    await joinNow(dave.page)
    await tile(carol.page, 'dave').waitFor()
    await dave.page.goto('about:blank')
    await tile(carol.page, 'dave').waitFor({ state: 'detached' })
    expect(carol.problems).toEqual([])
  }, 60_000)

  test('on a phone in Chinese: lobby, tiles in two columns at most, nothing wider than the screen', async () => {
    const phone = await enter('carol', 'phone', {
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
      hasTouch: true,
      locale: 'zh-CN',
      colorScheme: 'light',
    })
    await picture(phone.page, 'meeting-phone-lobby')
    await joinNow(phone.page)
    const other = await enter('dave', 'phone')
    await joinNow(other.page)
    await moves(phone.page, '.tile[data-participant="dave"] video')
    await phone.page.getByRole('button', { name: '设备' }).tap()
    await phone.page.locator('.device-menu').waitFor()
    await phone.page.keyboard.press('Escape')
    await picture(phone.page, 'meeting-phone')
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await phone.page.getByRole('button', { name: '离开' }).tap()
    await phone.page.getByText('您已离开会议').waitFor()
    expect([...phone.problems, ...other.problems]).toEqual([])
  }, 90_000)
})
