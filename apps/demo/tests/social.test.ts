import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fakeDevices, hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'
import { fill, goTo, picture, press, seriousFaults, user } from './social-page.ts'

let cloud: DevCloud
const windows: Window[] = []

async function window(options?: Parameters<typeof openWindow>[1]): Promise<Window> {
  const more = { permissions: ['geolocation'], geolocation: { latitude: 47.5, longitude: 9.43 } }
  const opened = await openWindow(cloud.url, { ...more, ...options }, fakeDevices)
  windows.push(opened)
  return opened
}

async function two(area: string) {
  const opened = await window()
  const page = await opened.open('/')
  const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
  for (const who of [alice, bob]) await goTo(who, area)
  return { ...opened, page, alice, bob }
}

const friend = (who: Locator, name: string) => who.locator('.parley-friend', { hasText: name })
const moment = (who: Locator, text: string) => who.locator('.parley-moment', { hasText: text })
const entry = (who: Locator, name: string) =>
  who.locator('.parley-entries').getByRole('button', { name: new RegExp(`^${name}`) })

/** Looks somebody up and shows who they are. */
async function find(who: Locator, text: string, name: string): Promise<Locator> {
  await who.getByRole('button', { name: 'Add a contact' }).first().click()
  const dialog = who.page().getByRole('dialog')
  await dialog.getByRole('searchbox').fill(text)
  await dialog.getByRole('button', { name: new RegExp(name) }).click()
  const profile = who.locator('.parley-profile', { hasText: name })
  await profile.waitFor()
  return profile
}

async function fromMenu(page: Page, button: Locator, item: string): Promise<void> {
  await button.click()
  await page.getByRole('menuitem', { name: item, exact: true }).click()
}

/** Pictures, made by the browser. */
async function pictures(page: Page, count: number) {
  const made = await page.evaluate(
    (wanted) =>
      Array.from({ length: wanted }, (_, index) => {
        const canvas = document.createElement('canvas')
        canvas.width = 480
        canvas.height = 360
        const context = canvas.getContext('2d')
        if (context) {
          const sky = context.createLinearGradient(0, 0, 0, 360)
          sky.addColorStop(0, `hsl(${200 + index * 40} 70% 60%)`)
          sky.addColorStop(1, `hsl(${30 + index * 20} 85% 72%)`)
          context.fillStyle = sky
          context.fillRect(0, 0, 480, 360)
          context.fillStyle = 'rgb(255 255 255 / 80%)'
          context.beginPath()
          context.arc(120 + index * 90, 130, 44, 0, 7)
          context.fill()
        }
        return canvas.toDataURL('image/png').split(',')[1] ?? ''
      }),
    count,
  )
  return made.map((data, index) => ({
    name: `sea-${index + 1}.png`,
    mimeType: 'image/png',
    buffer: Buffer.from(data, 'base64'),
  }))
}

/** Half a second of film, made by the browser. */
async function film(page: Page): Promise<Buffer> {
  const data = await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' })
    const ended = new Promise<Blob>((resolve) => {
      recorder.ondataavailable = (event) => resolve(event.data)
    })
    recorder.start()
    const context = canvas.getContext('2d')
    for (let frame = 0; frame < 10; frame++) {
      if (context) context.fillStyle = `hsl(${180 + frame * 6} 70% 50%)`
      context?.fillRect(0, 0, canvas.width, canvas.height)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    recorder.stop()
    return [...new Uint8Array(await (await ended).arrayBuffer())]
  })
  return Buffer.from(data)
}

/** Alice and Bob are friends from here on, whatever ran before. */
async function befriend(one: string, other: string): Promise<void> {
  await cloud.call('POST', '/v1/social/friendships', { userId: one, friendIds: [other] })
}

describe.skipIf(!hasChromium)('people and moments in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
    for (const id of ['alice', 'bob', 'carol', 'dave'])
      await cloud.call('POST', '/v1/users', { id, name: id[0]?.toUpperCase() + id.slice(1) })
    await cloud.call('POST', '/v1/users', { id: 'li-na', name: '李娜' })
  })

  afterAll(async () => {
    await cloud?.close()
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  test('the own profile is edited: name, fields of every project and of this one, who sees each', async () => {
    const { page, alice, bob, problems } = await two('Contacts')
    await entry(alice, 'My profile').click()
    await alice.getByRole('button', { name: 'Edit profile' }).click()
    await fill(page, 'Name', 'Alice Harbour')
    await page
      .getByRole('dialog')
      .locator('input[type="file"]')
      .setInputFiles(await pictures(page, 1))
    await fill(page, 'Signature', 'Always near the water')
    await page
      .getByRole('dialog')
      .getByRole('combobox', { name: 'Gender', exact: true })
      .selectOption('Female')
    await fill(page, 'Birthday', '1990-04-12')
    await page.getByRole('dialog').getByLabel('Who sees: Birthday').selectOption('Only me')
    await fill(page, 'Region', 'Lake Constance')
    await fill(page, 'Team', 'Sails')
    await page
      .getByRole('dialog')
      .getByRole('combobox', { name: 'Likes tea', exact: true })
      .selectOption('Yes')
    await page
      .getByRole('dialog')
      .getByLabel('Who may become a friend')
      .selectOption({ label: 'After I accept' })
    await picture(page, 'profile-editor')
    await press(page, 'Save')
    const own = alice.locator('.parley-profile')
    await own.getByText('Always near the water').waitFor()
    await own.getByText('April 12, 1990').waitFor()
    await own.getByText('Sails').waitFor()

    const seen = await find(bob, 'alice', 'Alice')
    await seen.getByText('Alice Harbour').waitFor()
    await seen.locator('.parley-avatar img[src*="/pictures/"]').first().waitFor()
    await seen.getByText('Sails').waitFor()
    expect(await seen.getByText('April 12, 1990').count()).toBe(0)
    await alice.getByRole('button', { name: 'Edit profile' }).click()
    await fill(page, 'Name', 'Alice')
    await press(page, 'Save')
    expect(problems).toEqual([])
  }, 60_000)

  test('people are found by name, asked, accepted and refused; remarks and groups; the end of a friendship', async () => {
    const { page, alice, bob, problems } = await two('Contacts')
    const bobSeen = await find(alice, 'bo', 'Bob')
    await bobSeen.getByRole('button', { name: 'Add as friend' }).click()
    await fill(page, 'Greeting', 'It is me, from the harbour')
    await fill(page, 'Remark', 'Bobby')
    await press(page, 'Send')
    await page.getByText('The request was sent').waitFor()
    await bob.getByRole('button', { name: 'Contacts 1 unread' }).waitFor()
    await entry(bob, 'Friend requests').click()
    await bob.locator('[data-request="alice"]', { hasText: 'from the harbour' }).waitFor()
    await picture(page, 'friend-request')
    await bob.getByRole('button', { name: 'Refuse' }).click()
    await fill(page, 'Reason', 'Who are you?')
    await press(page, 'Refuse')
    await bob.locator('[data-request="alice"]', { hasText: 'Refused' }).waitFor()
    await entry(alice, 'Friend requests').click()
    await alice.locator('.parley-segment', { hasText: 'Sent' }).click()
    await alice.locator('[data-request="bob"]', { hasText: 'Who are you?' }).waitFor()

    const again = await find(alice, 'bob', 'Bob')
    await again.getByRole('button', { name: 'Add as friend' }).click()
    await press(page, 'Send')
    await entry(alice, 'Friend requests').click()
    await alice.locator('.parley-segment', { hasText: 'Sent' }).click()
    await alice.getByRole('button', { name: 'Take back' }).click()
    await alice.locator('[data-request="bob"]', { hasText: 'Taken back' }).waitFor()
    await bob.getByRole('button', { name: 'Contacts', exact: true }).waitFor()

    const third = await find(alice, 'bob', 'Bob')
    await third.getByRole('button', { name: 'Add as friend' }).click()
    await fill(page, 'Remark', 'Bobby')
    await press(page, 'Send')
    await bob.getByRole('button', { name: 'Accept' }).click()
    await fill(page, 'Remark', 'Skipper')
    await press(page, 'Accept')
    await friend(bob, 'Skipper').waitFor()
    await friend(alice, 'Bobby').click()

    const profile = alice.locator('[data-profile="bob"]')
    await fromMenu(page, profile.getByRole('button', { name: 'More' }), 'Remark and groups')
    await fill(page, 'Remark', 'Bob the sailor')
    await fill(page, 'Friend groups', 'Crew, Neighbours')
    await press(page, 'Save')
    await friend(alice, 'Bob the sailor').getByText('Crew · Neighbours').waitFor()
    await befriend('alice', 'carol')
    await befriend('alice', 'li-na')
    await befriend('bob', 'carol')
    await friend(alice, 'Carol').waitFor()
    expect(await alice.locator('.parley-initial').allTextContents()).toEqual(['B', 'C', 'L'])
    await alice.locator('.parley-chips').first().getByRole('button', { name: /^Crew/ }).click()
    await friend(alice, 'Carol').waitFor({ state: 'detached' })
    await page.getByText('The request was sent').first().waitFor({ state: 'detached' })
    await picture(page, 'contacts')
    await alice.getByRole('button', { name: 'Rename the group Crew' }).click()
    await fill(page, 'Name of the group', 'Deckhands')
    await press(page, 'Save')
    await alice.getByRole('button', { name: 'Rename the group Deckhands' }).click()
    await press(page, 'Dissolve the group')
    await friend(alice, 'Carol').waitFor()

    // What a friend is called holds in the chats, too.
    await profile.getByRole('button', { name: 'Message', exact: true }).click()
    await alice.locator('.parley-pane-title', { hasText: 'Bob the sailor' }).waitFor()
    await alice.getByRole('button', { name: 'Profile' }).click()
    await page.getByRole('dialog').locator('[data-profile="bob"]').waitFor()
    await page.getByRole('dialog').getByText('1 friend', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await goTo(alice, 'Contacts')
    await alice.getByRole('searchbox', { name: 'Search contacts' }).fill('sailor')
    await friend(alice, 'Bob the sailor').click()
    await alice.getByRole('searchbox', { name: 'Search contacts' }).fill('')
    await fromMenu(page, profile.getByRole('button', { name: 'More' }), 'Remove friend')
    await friend(alice, 'Bob').waitFor({ state: 'detached' })
    await friend(bob, 'Skipper').waitFor({ state: 'detached' })
    expect(problems).toEqual([])
  }, 120_000)

  test('following and blocking show on both sides, and are taken back', async () => {
    const { page, alice, bob, problems } = await two('Contacts')
    const profile = await find(alice, 'bob', 'Bob')
    await profile.getByRole('button', { name: 'Follow', exact: true }).click()
    await profile.getByRole('button', { name: 'Unfollow' }).waitFor()
    await entry(bob, 'Followers').click()
    await bob.locator('[data-person="alice"]').getByRole('button', { name: 'Follow', exact: true }).click()
    await bob.locator('[data-person="alice"]').getByText('mutual').waitFor()
    await profile.getByText('follows you').waitFor()
    await entry(alice, 'Following').click()
    await alice.locator('[data-person="bob"]').getByText('mutual').waitFor()
    await alice.locator('[data-person="bob"]').getByRole('button', { name: 'Unfollow' }).click()
    await alice.getByText('You follow nobody').waitFor()

    await find(alice, 'bob', 'Bob')
    await fromMenu(page, profile.getByRole('button', { name: 'More' }), 'Block')
    await profile.getByText('Blocked').waitFor()
    await profile.getByRole('button', { name: 'Follow', exact: true }).waitFor({ state: 'detached' })
    await entry(bob, 'Following').click()
    await bob.getByText('You follow nobody').waitFor()
    await entry(alice, 'Blocked').click()
    await alice.locator('[data-person="bob"]').waitFor()
    await picture(page, 'blocked')
    await alice.locator('[data-person="bob"]').getByRole('button', { name: 'Unblock' }).click()
    await alice.getByText('You block nobody').waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('moments: text and pictures with a mention and a place, likes, comments with replies, notices', async () => {
    await befriend('alice', 'bob')
    const { page, alice, bob, problems } = await two('Moments')
    await alice.getByText('No moments yet').waitFor()
    await alice.getByRole('button', { name: 'New moment' }).first().click()
    await fill(page, 'What is on your mind?', 'First light over the harbour, with @Bob')
    await page
      .getByRole('dialog')
      .locator('input[type="file"]')
      .setInputFiles(await pictures(page, 3))
    await page.getByRole('dialog').getByRole('button', { name: 'Mention' }).click()
    await page.getByRole('group', { name: 'Mention' }).getByRole('button', { name: 'Bob' }).click()
    await fill(page, 'Place', 'Old pier')
    await picture(page, 'moment-composer')
    await press(page, 'Publish')
    await moment(alice, 'First light').getByText('Old pier').waitFor()
    expect(await moment(alice, 'First light').locator('.parley-media img').count()).toBe(3)

    await moment(bob, 'First light').waitFor()
    await bob.getByRole('button', { name: 'Notices, 1 unread' }).waitFor()
    await moment(bob, 'First light').getByRole('button', { name: 'Picture 2 of 3' }).click()
    await page.locator('.parley-viewer').getByText('Picture 2 of 3').waitFor()
    await page.locator('.parley-viewer').getByRole('button', { name: 'Next image' }).click()
    await page.locator('.parley-viewer').getByText('Picture 3 of 3').waitFor()
    await page.keyboard.press('Escape')

    await moment(bob, 'First light').getByRole('button', { name: 'Like', exact: true }).click()
    await moment(alice, 'First light').getByRole('button', { name: '1 like' }).click()
    await page.getByRole('dialog').getByText('Bob').waitFor()
    await page.keyboard.press('Escape')
    await moment(bob, 'First light').getByRole('button', { name: 'Comment' }).click()
    await moment(bob, 'First light').getByRole('textbox').fill('Wonderful colours')
    await moment(bob, 'First light').getByRole('button', { name: 'Send' }).click()
    await moment(alice, 'First light').getByRole('button', { name: '1 comment' }).click()
    const comment = moment(alice, 'First light').locator('.parley-comment', { hasText: 'Wonderful' })
    await comment.getByRole('button', { name: 'Reply to Bob' }).click()
    await moment(alice, 'First light').getByRole('textbox').fill('Come along tomorrow, @Bob')
    await moment(alice, 'First light').getByRole('button', { name: 'Send' }).click()
    await moment(bob, 'First light').locator('.parley-comment', { hasText: 'Come along' }).waitFor()
    await picture(page, 'moments')

    await alice.getByRole('button', { name: 'Moments 2 unread' }).waitFor()
    await alice.getByRole('button', { name: 'Notices, 2 unread' }).click()
    const notices = alice.getByRole('complementary', { name: 'Notices' })
    await notices.getByText('Bob likes your moment').waitFor()
    await alice.getByRole('button', { name: 'Notices', exact: true }).waitFor()
    await picture(page, 'moment-notices')
    await notices.getByText('Bob commented on your moment').click()
    await page.getByRole('dialog').getByText('Wonderful colours').waitFor()
    await page.keyboard.press('Escape')
    await notices.getByRole('button', { name: 'Close' }).click()
    await comment.getByRole('button', { name: 'Delete comment' }).click()
    await comment.waitFor({ state: 'detached' })
    await moment(bob, 'First light').getByRole('button', { name: 'Unlike' }).click()
    await moment(bob, 'First light').getByRole('button', { name: 'Like', exact: true }).waitFor()
    await fromMenu(
      page,
      moment(alice, 'First light').getByRole('button', { name: 'Moment actions' }),
      'Delete moment',
    )
    await moment(alice, 'First light').waitFor({ state: 'detached' })
    expect(problems).toEqual([])
  }, 120_000)

  test('who sees a moment: only me, a friend group, everybody but one; the moments of one person', async () => {
    await befriend('alice', 'bob')
    const { page, alice, bob, problems } = await two('Contacts')
    await friend(alice, 'Bob').click()
    const profile = alice.locator('[data-profile="bob"]')
    await fromMenu(page, profile.getByRole('button', { name: 'More' }), 'Remark and groups')
    await fill(page, 'Friend groups', 'Crew')
    await press(page, 'Save')
    await friend(alice, 'Bob').getByText('Crew').waitFor()
    for (const who of [alice, bob]) await goTo(who, 'Moments')
    const share = async (text: string, visibility: string, more?: () => Promise<void>) => {
      await alice.getByRole('button', { name: 'New moment' }).first().click()
      await fill(page, 'What is on your mind?', text)
      await page.getByRole('dialog').getByLabel('Who sees it').selectOption({ label: visibility })
      await more?.()
      await press(page, 'Publish')
      await moment(alice, text).waitFor()
    }
    await share('A note to myself', 'Only me')
    await share('For all but Bob', 'Friends', async () => {
      await page.getByRole('dialog').getByRole('button', { name: 'Hide from' }).click()
      await page.getByRole('group', { name: 'Hide from' }).getByRole('button', { name: 'Bob' }).click()
    })
    await share('For the crew', 'Friend groups', async () => {
      await page.getByRole('dialog').getByRole('button', { name: 'Crew' }).click()
    })
    await share('For everybody', 'Everybody')
    await moment(bob, 'For everybody').waitFor()
    await moment(bob, 'For the crew').waitFor()
    expect(await moment(bob, 'A note to myself').count()).toBe(0)
    expect(await moment(bob, 'For all but Bob').count()).toBe(0)

    await share('A minute of the sea', 'Friends', async () => {
      await page
        .getByRole('dialog')
        .locator('input[type="file"]')
        .setInputFiles([{ name: 'sea.webm', mimeType: 'video/webm', buffer: await film(page) }])
    })
    await moment(bob, 'A minute of the sea').getByRole('button', { name: 'Film 1 of 1' }).click()
    await page.locator('.parley-viewer video').waitFor()
    await page.keyboard.press('Escape')

    await goTo(bob, 'Contacts')
    await friend(bob, 'Alice').click()
    await bob.locator('[data-profile="alice"]').getByRole('button', { name: 'Moments' }).click()
    const shelf = page.getByRole('dialog', { name: 'Moments of Alice' })
    await shelf.getByText('For the crew').waitFor()
    expect(await shelf.locator('.parley-moment').count()).toBe(3)
    await page.keyboard.press('Escape')
    await alice.getByRole('button', { name: 'My moments' }).click()
    await page.getByRole('dialog').getByText('A note to myself').waitFor()
    await page.keyboard.press('Escape')
    expect(problems).toEqual([])
  }, 90_000)

  test('axe finds nothing serious in contacts and moments: light, dark, dialogs open, phone, right to left', async () => {
    await befriend('alice', 'bob')
    const { page, alice, bob, problems } = await two('Contacts')
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await goTo(alice, 'Contacts')
      await friend(alice, 'Bob').click()
      await alice.locator('[data-profile="bob"]').waitFor()
      await goTo(bob, 'Moments')
      await moment(bob, 'For everybody')
        .getByRole('button', { name: /omment/ })
        .click()
      faults.push(...(await seriousFaults(page)))
      await picture(page, `people-${colorScheme}`)
      await goTo(alice, 'Moments')
      await alice.getByRole('button', { name: 'Notices' }).click()
      faults.push(...(await seriousFaults(page)))
      await alice.getByRole('complementary').getByRole('button', { name: 'Close' }).click()
      await bob.getByRole('button', { name: 'New moment' }).click()
      faults.push(...(await seriousFaults(page)))
      await press(page, 'Cancel')
      await goTo(bob, 'Contacts')
      await entry(bob, 'My profile').click()
      await bob.getByRole('button', { name: 'Edit profile' }).click()
      faults.push(...(await seriousFaults(page)))
      await press(page, 'Cancel')
    }
    const phone = await window({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' })
    const small = await phone.open('/?user=bob')
    const who = user(small, 'bob')
    await goTo(who, '通讯录')
    await friend(who, 'Alice').waitFor()
    faults.push(...(await seriousFaults(small)))
    await picture(small, 'contacts-phone-zh')
    await friend(who, 'Alice').click()
    await who.locator('[data-profile="alice"]').waitFor()
    await picture(small, 'profile-phone-zh')
    await who.locator('.parley-pane-head .parley-back').click()
    await goTo(who, '动态')
    await moment(who, 'For everybody').waitFor()
    faults.push(...(await seriousFaults(small)))
    await picture(small, 'moments-phone-zh')

    const mirrored = await window({ colorScheme: 'dark' })
    const other = await mirrored.open('/?user=alice&dir=rtl')
    const right = user(other, 'alice')
    await goTo(right, 'Contacts')
    await friend(right, 'Bob').click()
    const [rail, list, main] = await Promise.all(
      ['.parley-rail', '.parley-sidebar', '.parley-main'].map((part) => right.locator(part).boundingBox()),
    )
    expect(rail?.x).toBeGreaterThan(list?.x ?? Number.POSITIVE_INFINITY)
    expect(list?.x).toBeGreaterThan(main?.x ?? Number.POSITIVE_INFINITY)
    await picture(other, 'contacts-rtl-dark')
    await goTo(right, 'Moments')
    await moment(right, 'For everybody').waitFor()
    expect(await other.evaluate(() => document.documentElement.scrollWidth)).toBe(1440)
    await picture(other, 'moments-rtl-dark')
    expect(faults).toEqual([])
    expect([...problems, ...phone.problems, ...mirrored.problems]).toEqual([])
  }, 120_000)

  test('the keyboard goes along the rail, down the friends, and escapes what is open; offline is told in every area', async () => {
    await befriend('alice', 'bob')
    const { open, problems } = await window()
    const page = await open('/?user=alice')
    const alice = user(page, 'alice')
    await alice.locator('.parley-rail button').first().focus()
    for (let count = 0; count < 3; count++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await alice.getByRole('heading', { name: 'Contacts' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Contacts')
    await alice.locator('.parley-friend').first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await alice.locator('[data-profile]').waitFor()
    await alice.locator('.parley-rail button').last().focus()
    await page.keyboard.press('Enter')
    await alice.getByRole('button', { name: 'Notices' }).press('Enter')
    await alice.getByRole('complementary', { name: 'Notices' }).waitFor()
    await page.keyboard.press('Escape')
    await alice.getByRole('complementary', { name: 'Notices' }).waitFor({ state: 'detached' })

    // Without a connection every area says so, and what was read stays.
    await goTo(alice, 'Chats')
    await alice.getByRole('button', { name: 'Go offline' }).click()
    await goTo(alice, 'Contacts')
    await alice.getByText('You are offline').waitFor()
    await friend(alice, 'Bob').waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('of three thousand friends only those in sight are in the document', async () => {
    const friendIds = Array.from({ length: 3_000 }, (_, index) => `friend-${String(index).padStart(4, '0')}`)
    for (let start = 0; start < friendIds.length; start += 500) {
      const some = friendIds.slice(start, start + 500)
      for (let from = 0; from < some.length; from += 50) {
        await Promise.all(some.slice(from, from + 50).map((id) => cloud.call('POST', '/v1/users', { id })))
      }
      await cloud.call('POST', '/v1/social/friendships', { userId: 'dave', friendIds: some })
    }
    const { open, problems } = await window()
    const page = await open('/?user=dave')
    const dave = user(page, 'dave')
    await goTo(dave, 'Contacts')
    await friend(dave, 'Friend-0000').waitFor()
    const list = dave.locator('.parley-virtual')
    await page.waitForFunction(() => {
      const element = document.querySelector('.parley-virtual')
      return (element?.scrollHeight ?? 0) > 3_000 * 52
    })
    expect(await dave.locator('.parley-friend').count()).toBeLessThan(60)
    await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight }))
    await friend(dave, 'Friend-2999').click()
    await dave.locator('[data-profile="friend-2999"]').waitFor()
    expect(await dave.locator('.parley-friend').count()).toBeLessThan(60)
    expect(problems).toEqual([])
  }, 120_000)
})
