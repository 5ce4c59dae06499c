import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fakeDevices, hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'
import { fill, goTo, picture, press, seriousFaults, user } from './social-page.ts'

let cloud: DevCloud
const windows: Window[] = []

async function window(options?: Parameters<typeof openWindow>[1]): Promise<Window> {
  const opened = await openWindow(cloud.url, { permissions: ['microphone'], ...options }, fakeDevices)
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

const channel = (who: Locator, name: string) => who.locator('.parley-channel', { hasText: name })
const row = (who: Locator, text: string) => who.locator('.parley-thread .parley-row', { hasText: text })
const field = (who: Locator) => who.locator('.parley-pane-main .parley-composer textarea')
const said = (who: Locator, text: string) => who.locator('.parley-room-message', { hasText: text })

async function say(who: Locator, text: string): Promise<void> {
  await field(who).fill(text)
  await field(who).press('Enter')
}

/** Joins a community by its id or a link. */
async function join(who: Locator, link: string): Promise<void> {
  const page = who.page()
  await who.getByRole('button', { name: 'New community' }).first().click()
  await page.getByRole('dialog').getByText('Join', { exact: true }).first().click()
  await fill(page, 'Id of the community, or an invitation link', link)
  await press(page, 'Join')
}

/** Where there is no room for both, a panel lies over the conversation. */
const closePanel = (who: Locator) =>
  who.locator('.parley-main .parley-group').getByRole('button', { name: 'Close', exact: true }).click()

async function manage(page: Page, panel: Locator, member: string, item: string): Promise<void> {
  await panel.locator(`[data-member="${member}"]`).getByRole('button').click()
  await page.getByRole('menuitem', { name: item, exact: true }).click()
}

describe.skipIf(!hasChromium)('communities and chat rooms in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
    for (const id of ['alice', 'bob', 'carol'])
      await cloud.call('POST', '/v1/users', { id, name: id[0]?.toUpperCase() + id.slice(1) })
  })

  afterAll(async () => {
    await cloud?.close()
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  test('a community of the demo has channels; what is said in one reaches who has it open, and counts for who has not', async () => {
    const { page, alice, bob, problems } = await two('Communities')
    await alice.locator('.parley-community-head', { hasText: 'Harbour town' }).waitFor()
    await channel(alice, 'square').click()
    await channel(bob, 'square').click()
    await say(alice, 'Market day on the square')
    await row(bob, 'Market day').waitFor()
    await say(bob, 'I bring the cheese')
    await row(alice, 'the cheese').waitFor()

    // Bob has never opened this one: it is counted by asking.
    await channel(alice, 'boats').click()
    await say(alice, 'Two berths are free')
    await channel(bob, 'boats').getByRole('img', { name: '1 unread' }).waitFor({ timeout: 15_000 })
    await picture(page, 'communities')
    await channel(bob, 'boats').click()
    await row(bob, 'Two berths').waitFor()
    await channel(bob, 'boats').getByRole('img').waitFor({ state: 'detached' })

    // An opened one is live, also while another is shown; the way there says so.
    await channel(alice, 'square').click()
    await say(alice, 'The cheese is sold out')
    await channel(bob, 'square').getByRole('img', { name: '1 unread' }).waitFor()
    await bob.getByRole('button', { name: 'Communities 1 unread' }).waitFor()
    await goTo(bob, 'Chats')
    await goTo(bob, 'Communities')
    await row(bob, 'Two berths').waitFor()
    expect(await bob.locator('.parley-conversation', { hasText: 'Harbour town' }).count()).toBe(0)
    expect(problems).toEqual([])
  }, 90_000)

  test('a community is made, gets channels, is joined by a link, and is run', async () => {
    const { page, alice, bob, problems } = await two('Communities')
    await alice.getByRole('button', { name: 'New community' }).first().click()
    await fill(page, 'Name of the community', 'Rowing club')
    await fill(page, 'Members', 'carol')
    await press(page, 'Create')
    await alice.locator('.parley-community-head', { hasText: 'Rowing club' }).waitFor()
    await alice.getByText('No channels yet').waitFor()

    await alice.getByRole('button', { name: 'New channel' }).click()
    await fill(page, 'Name of the channel', 'training')
    await fill(page, 'Category', 'Sport')
    await press(page, 'Create')
    await channel(alice, 'training').waitFor()
    await say(alice, 'Six in the morning')
    await row(alice, 'Six in the morning').waitFor()

    await alice.getByRole('button', { name: 'Community settings' }).click()
    const panel = alice.getByRole('complementary', { name: 'Community settings' })
    await panel.getByRole('button', { name: 'Rename' }).click()
    await fill(page, 'Name of the community', 'Rowing club 1887')
    await press(page, 'Save')
    await alice.locator('.parley-community-head', { hasText: 'Rowing club 1887' }).waitFor()
    await panel.getByRole('button', { name: 'New invitation link' }).click()
    const token = (await panel.locator('.parley-token').textContent()) ?? ''

    await panel.getByLabel('Who may join').selectOption({ label: 'After approval' })
    await join(bob, token.split('#')[0] ?? '')
    await page.getByText('Your request was sent').waitFor()
    await panel.getByRole('button', { name: 'Close' }).click()
    await alice.getByRole('button', { name: 'Community settings' }).click()
    await panel.getByRole('button', { name: 'Approve' }).click()
    await bob.locator('.parley-tile', { hasText: 'Rowing club 1887' }).click()
    await bob.locator('.parley-community-head', { hasText: 'Rowing club 1887' }).waitFor()
    await channel(bob, 'training').click()
    await say(bob, 'Too early for me')
    await row(alice, 'Too early').waitFor()
    await bob.getByRole('button', { name: 'New channel' }).waitFor({ state: 'detached' })

    await manage(page, panel, 'bob', 'Make admin')
    await bob.getByRole('button', { name: 'New channel' }).waitFor()
    await manage(page, panel, 'bob', 'Remove as admin')
    await manage(page, panel, 'bob', 'Mute')
    await panel.locator('[data-member="bob"]').getByText('Muted').waitFor()
    await manage(page, panel, 'bob', 'Unmute')
    await panel.getByLabel('Mute everybody').click()
    await bob.getByText('Only owner and admins may write now').waitFor()
    await panel.getByLabel('Mute everybody').click()
    await field(bob).waitFor()
    await panel.getByRole('button', { name: 'Close' }).click()

    await alice.getByRole('button', { name: 'New channel' }).click()
    await fill(page, 'Name of the channel', 'board')
    await page.getByRole('dialog').getByLabel('Private').check()
    await press(page, 'Create')
    await channel(alice, 'board').waitFor()
    expect(await channel(bob, 'board').count()).toBe(0)
    await alice.getByRole('button', { name: 'Channel settings' }).click()
    const settings = alice.getByRole('complementary', { name: 'Channel settings' })
    await settings.getByRole('button', { name: 'Add members' }).click()
    await fill(page, 'Members', 'bob')
    await press(page, 'Save')
    await settings.locator('[data-member="bob"]').waitFor()
    await channel(bob, 'board').click()
    await say(bob, 'In confidence')
    await row(alice, 'In confidence').waitFor()
    await settings.getByRole('button', { name: 'Rename' }).click()
    await fill(page, 'Name of the channel', 'council')
    await press(page, 'Save')
    await channel(bob, 'council').waitFor()
    await settings.getByRole('button', { name: 'Announce' }).click()
    await fill(page, 'Announcement', 'Meeting on Friday')
    await press(page, 'Save')
    await bob.locator('.parley-announcement', { hasText: 'Meeting on Friday' }).waitFor()
    await settings.getByLabel('Mute everybody').click()
    await bob.getByText('Only owner and admins may write now').waitFor()
    await picture(page, 'community-channel')
    await bob.getByRole('button', { name: 'Channel settings' }).click()
    await bob.getByRole('button', { name: 'Leave the channel' }).click()
    await channel(bob, 'council').waitFor({ state: 'detached' })
    await bob.getByText('Choose a channel').waitFor()
    await settings.getByRole('button', { name: 'Delete the channel' }).click()
    await channel(alice, 'council').waitFor({ state: 'detached' })

    await bob.getByRole('button', { name: 'Community settings' }).click()
    await bob.getByRole('button', { name: 'Leave the community' }).click()
    await bob.locator('.parley-community-head', { hasText: 'Harbour town' }).waitFor()
    await join(bob, token)
    await bob.locator('.parley-community-head', { hasText: 'Rowing club 1887' }).waitFor()
    await alice.getByRole('button', { name: 'Community settings' }).click()
    await alice.getByRole('button', { name: 'Dissolve the community' }).click()
    await alice.locator('.parley-community-head', { hasText: 'Harbour town' }).waitFor()
    expect(problems).toEqual([])
  }, 120_000)

  test('a chat room is entered: messages, likes, online count, notes, and history after coming back', async () => {
    const { page, alice, bob, problems } = await two('Rooms')
    await alice.locator('.parley-conversation', { hasText: 'Lounge' }).click()
    await bob.locator('.parley-conversation', { hasText: 'Lounge' }).click()
    await field(bob).waitFor()
    await alice.getByText('2 people here').first().waitFor({ timeout: 20_000 })
    await say(alice, 'Good evening, everybody')
    await said(bob, 'Good evening').waitFor()
    await bob.getByRole('button', { name: 'Emoji' }).click()
    await page.locator('.parley-emoji button').first().click()
    await field(bob).press('Enter')
    await alice.locator('.parley-room-message').nth(1).waitFor()

    for (let count = 0; count < 3; count++) await bob.getByRole('button', { name: 'Like' }).click()
    await alice.getByRole('button', { name: 'Like, 3 likes' }).waitFor()
    await bob.getByRole('button', { name: 'Give something' }).click()
    await page.getByRole('menuitem', { name: 'Rocket' }).click()
    await said(alice, 'gave Rocket').waitFor()

    await bob.getByRole('button', { name: 'Room settings' }).click()
    await bob.getByRole('button', { name: 'Add a note' }).click()
    await fill(page, 'Title', 'Topic')
    await fill(page, 'Note', 'Sea shanties')
    await press(page, 'Save')
    await alice.locator('.parley-room-notes', { hasText: 'Sea shanties' }).waitFor()
    await bob.getByRole('button', { name: 'Change the note Topic' }).click()
    await fill(page, 'Note', 'Sea shanties, all night')
    await press(page, 'Save')
    await alice.locator('.parley-room-notes', { hasText: 'all night' }).waitFor()
    await picture(page, 'chat-room')
    await bob.getByRole('button', { name: 'Remove the note Topic' }).click()
    await alice.locator('.parley-room-notes').waitFor({ state: 'detached' })

    await closePanel(bob)
    await bob.getByRole('button', { name: 'Leave the room' }).click()
    await bob.getByText('Choose a chat room').waitFor()
    await say(alice, 'Said while Bob was out')
    await bob.locator('.parley-conversation', { hasText: 'Lounge' }).click()
    await said(bob, 'while Bob was out').waitFor()
    expect(problems).toEqual([])
  }, 90_000)

  test('the owner of a chat room decides who speaks, stays and enters, and closes it', async () => {
    const { page, alice, bob, problems } = await two('Rooms')
    await alice.getByRole('button', { name: 'New chat room' }).click()
    await fill(page, 'Name of the room', 'Night watch')
    await press(page, 'Create')
    await alice.getByRole('button', { name: 'Room settings' }).click()
    const settings = alice.getByRole('complementary', { name: 'Room settings' })
    const id = (await settings.locator('.parley-room-id').textContent()) ?? ''
    const found = bob.getByRole('region', { name: 'Open rooms' }).getByText('Night watch')
    await found.waitFor({ timeout: 20_000 })
    await picture(page, 'chat-rooms-open')
    await settings.getByText('Everybody finds it in the list').click()
    await found.waitFor({ state: 'detached', timeout: 20_000 })
    await bob.getByRole('button', { name: 'New chat room' }).click()
    await page.getByRole('dialog').getByText('Join', { exact: true }).first().click()
    await fill(page, 'Room id', id)
    await press(page, 'Join')
    await field(bob).waitFor()
    await say(bob, 'All quiet')
    await said(alice, 'All quiet').waitFor()

    await settings.getByRole('button', { name: 'Rename' }).click()
    await fill(page, 'Name of the room', 'Dog watch')
    await press(page, 'Save')
    await bob.locator('.parley-pane-title', { hasText: 'Dog watch' }).waitFor()

    await settings.getByLabel('Slow mode').selectOption({ label: '3 s' })
    await page.waitForFunction(() => {
      const chosen = document.querySelector<HTMLSelectElement>('.parley-group select')
      return chosen?.value === '3000'
    })
    await say(bob, 'One')
    await bob.getByText(/Slow mode: \d s to go/).waitFor()
    await settings.getByLabel('Slow mode').selectOption({ label: 'Off' })
    await settings.getByLabel('Only owner, admins and allowed people may speak').click()
    await bob.getByText('Only owner, admins and allowed people may speak now').waitFor()
    await settings.locator('.parley-segment', { hasText: 'Allowed' }).click()
    await settings.getByRole('button', { name: 'Allow a user id' }).click()
    await fill(page, 'User id', 'bob')
    await press(page, 'Save')
    await settings.locator('[data-restricted="bob"]').waitFor()
    await bob.getByText(/Slow mode/).waitFor({ state: 'detached' })
    await say(bob, 'Allowed to speak')
    await said(alice, 'Allowed to speak').waitFor()
    await settings.getByRole('button', { name: 'Lift for Bob' }).click()
    await settings.getByText('Nobody is on the list').waitFor()
    await settings.getByLabel('Only owner, admins and allowed people may speak').click()
    await bob.getByText('allowed people may speak now').waitFor({ state: 'detached' })

    await closePanel(alice)
    await alice.getByRole('button', { name: 'People here', exact: true }).click()
    const people = alice.getByRole('complementary', { name: 'People here' })
    await manage(page, people, 'bob', 'Mute in the room')
    await page.getByText('Saved').waitFor()
    await say(bob, 'Can you hear me?')
    await page.getByText('You may not write here now.').waitFor()
    await manage(page, people, 'bob', 'Unmute')
    // What was refused stays in the field, and goes once the mute is lifted.
    const heard = async () => {
      await field(bob).press('Enter')
      return said(alice, 'Can you hear me?').count()
    }
    await expect.poll(heard, { timeout: 10_000 }).toBe(1)
    await manage(page, people, 'bob', 'Make admin')
    await people.locator('[data-member="bob"]').getByText('Admin').waitFor()
    await picture(page, 'chat-room-people')
    await manage(page, people, 'bob', 'Remove as admin')
    await manage(page, people, 'bob', 'Send out')
    await bob.getByText('You were sent out of this room.').waitFor()
    await bob.getByRole('button', { name: 'Enter again' }).click()
    await field(bob).waitFor()
    await people.locator('[data-member="bob"]').waitFor({ timeout: 15_000 })
    await manage(page, people, 'bob', 'Ban from the room')
    await bob.getByText('You are banned from this room.').waitFor()
    await bob.getByRole('button', { name: 'Enter again' }).click()
    await bob.getByText('The room could not be entered.').waitFor()

    await closePanel(alice)
    await alice.getByRole('button', { name: 'Room settings' }).click()
    await settings.locator('.parley-segment', { hasText: 'Banned' }).click()
    await settings.getByRole('button', { name: 'Lift for Bob' }).click()
    await settings.getByText('Nobody is banned').waitFor()
    await settings.getByLabel('Only allowed people may enter').click()
    await expect.poll(() => settings.getByLabel('Only allowed people may enter').isChecked()).toBe(true)
    await bob.getByRole('button', { name: 'Enter again' }).click()
    await bob.getByText('The room could not be entered.').waitFor()
    await settings.locator('.parley-segment', { hasText: 'Allowed' }).click()
    await settings.getByRole('button', { name: 'Allow a user id' }).click()
    await fill(page, 'User id', 'bob')
    await press(page, 'Save')
    await settings.locator('[data-restricted="bob"]').waitFor()
    await bob.getByRole('button', { name: 'Enter again' }).click()
    await field(bob).waitFor()

    await closePanel(alice)
    await alice.getByRole('button', { name: 'People here', exact: true }).click()
    await people.locator('[data-member="bob"]').waitFor({ timeout: 15_000 })
    await manage(page, people, 'bob', 'Mute for ten minutes')
    await page.getByText('Saved').first().waitFor()
    await closePanel(alice)
    await alice.getByRole('button', { name: 'Room settings' }).click()
    await settings.locator('.parley-segment', { hasText: 'Muted' }).click()
    await settings.getByRole('button', { name: 'Lift for Bob' }).click()
    await settings.getByText('Nobody is muted').waitFor()
    await closePanel(alice)
    await alice.getByRole('button', { name: 'People here', exact: true }).click()
    await manage(page, people, 'bob', 'Hand over the room')
    await people.locator('[data-member="bob"]').getByText('Owner').waitFor()
    await bob.getByRole('button', { name: 'Room settings' }).click()
    await bob.getByRole('button', { name: 'Close the room for everybody' }).click()
    await alice.getByText('The room was closed.').waitFor()
    await bob.getByText('The room was closed.').waitFor()
    await bob.getByRole('button', { name: 'Close', exact: true }).click()
    await bob.getByText('This room is closed').waitFor()
    await bob.getByRole('button', { name: /Take off the list/ }).click()
    await bob.getByText('This room is closed').waitFor({ state: 'detached' })
    expect(problems.filter((problem) => !problem.includes('404'))).toEqual([])
  }, 120_000)

  test('axe finds nothing serious in communities and chat rooms, in light, dark and on a phone', async () => {
    const { page, alice, bob, problems } = await two('Communities')
    await goTo(bob, 'Rooms')
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await channel(alice, 'square').click()
      await row(alice, 'Market day').first().waitFor()
      await alice.getByRole('button', { name: 'Community settings' }).click()
      await bob.locator('.parley-conversation', { hasText: 'Lounge' }).click()
      await bob.getByRole('button', { name: 'Room settings' }).click()
      faults.push(...(await seriousFaults(page)))
      await picture(page, `communities-${colorScheme}`)
      await closePanel(bob)
      await bob.getByRole('button', { name: 'People here', exact: true }).click()
      await bob.locator('[data-member="bob"]').waitFor()
      await alice.locator('.parley-group').getByRole('button', { name: 'Close' }).click()
      faults.push(...(await seriousFaults(page)))
      await alice.getByRole('button', { name: 'New channel' }).click()
      faults.push(...(await seriousFaults(page)))
      await press(page, 'Cancel')
      await closePanel(bob)
      await bob.getByRole('button', { name: 'Leave the room' }).click()
    }
    const phone = await window({
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
      locale: 'zh-CN',
    })
    const small = await phone.open('/?user=alice')
    const who = user(small, 'alice')
    await goTo(who, '社区')
    await channel(who, 'square').waitFor()
    faults.push(...(await seriousFaults(small)))
    await picture(small, 'communities-phone-dark-zh')
    await channel(who, 'square').click()
    await row(who, 'Market day').first().waitFor()
    expect(await who.locator('.parley-rail').isVisible()).toBe(false)
    await who.locator('.parley-pane-head .parley-back').click()
    await goTo(who, '聊天室')
    await who.locator('.parley-conversation', { hasText: 'Lounge' }).click()
    await field(who).waitFor()
    await picture(small, 'chat-room-phone-dark-zh')
    faults.push(...(await seriousFaults(small)))
    expect(faults).toEqual([])
    expect([...problems, ...phone.problems]).toEqual([])
  }, 90_000)
})
