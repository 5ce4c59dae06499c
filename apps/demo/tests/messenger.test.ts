import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fakeDevices, hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'
import {
  attach,
  choose,
  conversation,
  field,
  makeUsers,
  picture,
  row,
  say,
  seriousFaults,
  user,
} from './messenger-page.ts'

let cloud: DevCloud
const windows: Window[] = []

async function window(options?: Parameters<typeof openWindow>[1]): Promise<Window> {
  const opened = await openWindow(cloud.url, { permissions: ['microphone'], ...options }, fakeDevices)
  windows.push(opened)
  return opened
}

async function twoInGroup() {
  const opened = await window()
  const page = await opened.open('/')
  const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
  await conversation(alice, 'Launch team').click()
  await conversation(bob, 'Launch team').click()
  await field(bob).waitFor()
  return { ...opened, page, alice, bob }
}

describe.skipIf(!hasChromium)('the messenger in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
    await makeUsers(cloud)
  })

  afterAll(async () => {
    await cloud?.close()
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  test('reactions, replies, threads, edits, pins, recall and deletion reach the other', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    await say(alice, 'Shall we launch on Tuesday?')
    await row(bob, 'on Tuesday?').waitFor()

    await row(bob, 'on Tuesday?').hover()
    await row(bob, 'on Tuesday?').getByRole('button', { name: 'React' }).click()
    await page.locator('.parley-emoji button').first().click()
    await alice.locator('.parley-reaction', { hasText: '1' }).click()
    await bob.locator('.parley-reaction', { hasText: '2' }).waitFor()

    await row(bob, 'on Tuesday?').hover()
    await row(bob, 'on Tuesday?').getByRole('button', { name: 'Reply', exact: true }).click()
    await bob.getByText('Reply to Alice').waitFor()
    await say(bob, 'Tuesday is fine')
    await row(alice, 'Tuesday is fine').locator('.parley-quote', { hasText: 'Shall we launch' }).waitFor()

    await choose(alice, 'on Tuesday?', 'Reply in thread')
    const thread = alice.locator('.parley-thread-panel')
    await thread.locator('textarea').fill('The checklist, in here')
    await thread.locator('textarea').press('Enter')
    await thread.locator('.parley-row', { hasText: 'The checklist' }).waitFor()
    await bob.locator('.parley-thread-link', { hasText: '1 reply' }).click()
    await bob.locator('.parley-thread-panel .parley-row', { hasText: 'The checklist' }).waitFor()
    expect(await row(bob, 'The checklist').count()).toBe(0)
    await bob.locator('.parley-thread-panel').getByRole('button', { name: 'Close' }).click()
    await thread.press('Escape')
    await thread.waitFor({ state: 'detached' })

    await choose(alice, 'on Tuesday?', 'Pin')
    await bob.locator('.parley-pin', { hasText: 'Shall we launch' }).waitFor()
    await alice.getByRole('button', { name: 'Unpin' }).click()
    await bob.locator('.parley-pin').waitFor({ state: 'detached' })

    await row(bob, 'Tuesday is fine').last().hover()
    await row(bob, 'Tuesday is fine').last().getByRole('button', { name: 'Edit' }).click()
    await say(bob, 'Tuesday is perfect')
    await row(alice, 'Tuesday is perfect').getByText('edited').waitFor()

    await say(bob, 'Not for here')
    await row(alice, 'Not for here').waitFor()
    await choose(bob, 'Not for here', 'Recall')
    await alice.locator('.parley-notice', { hasText: 'Bob recalled a message' }).waitFor()
    await choose(alice, 'Tuesday is perfect', 'Delete for me')
    await row(alice, 'Tuesday is perfect').waitFor({ state: 'detached' })
    expect(await row(bob, 'Tuesday is perfect').count()).toBe(1)
    expect(problems).toEqual([])
  }, 60_000)

  test('every type of message is sent from the composer and shown to the other', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    await alice.getByRole('button', { name: 'Emoji and stickers' }).first().click()
    await page.getByRole('tab', { name: 'Stickers' }).click()
    await page.locator('.parley-stickers button').first().click()
    await bob.locator('.parley-sticker').waitFor()

    const poll = await attach(alice, 'Poll')
    await poll.getByLabel('Question').fill('Where do we celebrate?')
    await poll.getByLabel('Option 1').fill('On the roof')
    await poll.getByLabel('Option 2').fill('At the lake')
    await poll.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-poll-option', { hasText: 'At the lake' }).click()
    await alice.locator('.parley-poll-option', { hasText: 'At the lake' }).getByText('1').waitFor()
    await bob.locator('.parley-poll-option[aria-pressed="true"]', { hasText: 'At the lake' }).waitFor()

    const place = await attach(alice, 'Location')
    await place.getByLabel('Name of the place').fill('Lake house')
    await place.getByLabel('Latitude').fill('47.5')
    await place.getByLabel('Longitude').fill('9.43')
    await place.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-location', { hasText: 'Lake house' }).waitFor()

    const contact = await attach(alice, 'Contact')
    await contact.getByLabel('Name').fill('Carol')
    await contact.getByLabel('User id').fill('carol')
    await contact.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-contact', { hasText: 'Carol' }).waitFor()

    await alice
      .locator('input[type="file"]')
      .setInputFiles([{ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('what we said') }])
    await alice.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-file-card', { hasText: 'notes.txt' }).waitFor()

    await alice.getByRole('button', { name: 'Record a voice message' }).click()
    await alice.getByRole('timer').getByText('0:01').waitFor()
    await alice.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-voice').waitFor()
    await bob.getByRole('button', { name: /Play voice message/ }).click()
    await bob.getByRole('button', { name: 'Pause' }).waitFor()

    const video = await recordVideo(page)
    await alice
      .locator('input[type="file"]')
      .setInputFiles([{ name: 'film.webm', mimeType: 'video/webm', buffer: video }])
    await alice.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-image-card[data-video]').click()
    await page.locator('.parley-viewer video').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.parley-viewer').waitFor({ state: 'detached' })

    const custom = { type: 'custom', kind: 'order', data: { number: 7 }, summary: 'Order 7 was packed' }
    await post('alice', custom)
    await row(bob, 'Order 7 was packed').waitFor()
    await picture(page, 'messenger-types')
    expect(problems).toEqual([])
  }, 90_000)

  test('a text that is written live grows before the eyes of the reader, and several are sent on as one', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    const begun = await cloud.call('POST', '/v1/streams', {
      conversationId: 'demo-group',
      userId: 'alice',
      clientMessageId: 'stream 1',
    })
    expect(begun.status).toBe(201)
    const { messageId } = begun.body as { messageId: string }
    let offset = 0
    for (const text of ['The answer ', 'grows while ', 'you read']) {
      await cloud.call('POST', `/v1/streams/${messageId}/deltas`, { offset, text, userId: 'alice' })
      offset += text.length
      await row(bob, text.trim()).waitFor()
    }
    await bob.locator('.parley-caret').waitFor()
    await cloud.call('POST', `/v1/streams/${messageId}/finish`, { userId: 'alice' })
    await bob.locator('.parley-caret').waitFor({ state: 'detached' })

    await say(alice, 'First of two')
    await say(alice, 'Second of two')
    await row(bob, 'Second of two').waitFor()
    await choose(bob, 'First of two', 'Select')
    await row(bob, 'Second of two').getByRole('checkbox').click()
    await bob.getByRole('toolbar').getByRole('button', { name: 'Forward' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Launch team' }).click()
    await dialog.getByRole('button', { name: 'Send' }).click()
    await alice.locator('.parley-merged', { hasText: 'First of two' }).click()
    await page.getByRole('dialog').getByText('Second of two').waitFor()
    await page.keyboard.press('Escape')

    await choose(bob, 'First of two', 'Forward')
    await page.getByRole('dialog').getByRole('button', { name: 'Launch team' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click()
    await alice.locator('.parley-origin', { hasText: 'Forwarded from' }).waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('mentions, drafts over a reload, search with a way to the place, and who has read', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    await field(alice).pressSequentially('Ask @bo')
    await page.getByRole('option', { name: 'Bob' }).waitFor()
    await field(alice).press('Enter')
    await field(alice).pressSequentially('about the harbour')
    await field(alice).press('Enter')
    await row(bob, 'harbour').locator('.parley-mention[data-own]', { hasText: '@Bob' }).waitFor()

    await row(alice, 'harbour').locator('.parley-message-state[data-state="read"]').click()
    await page.getByRole('dialog').getByText('Bob').waitFor()
    await page.getByRole('tab', { name: /Not yet/ }).click()
    await page.keyboard.press('Escape')

    await alice.getByRole('button', { name: 'Search messages' }).click()
    await alice.getByRole('searchbox', { name: 'Search messages' }).fill('harbour')
    await alice.locator('.parley-hit', { hasText: 'harbour' }).click()
    await alice.locator('.parley-row[data-marked]', { hasText: 'harbour' }).waitFor()
    await picture(page, 'messenger-search')

    await field(bob).fill('Half a thought')
    await page.reload()
    await field(bob).waitFor()
    expect(await field(bob).inputValue()).toBe('Half a thought')
    await field(bob).fill('')
    expect(problems).toEqual([])
  }, 60_000)

  test('a group is made and run: names, announcement, members, roles, silence, an invitation link', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    await alice.getByRole('button', { name: 'New conversation' }).click()
    const make = page.getByRole('dialog')
    await make.getByText('Group', { exact: true }).click()
    await make.getByLabel('Group name').fill('Regatta')
    await make.getByLabel('Members').fill('bob')
    await make.getByRole('button', { name: 'Create' }).click()
    await conversation(bob, 'Regatta').click()
    await alice.locator('.parley-pane-title', { hasText: 'Regatta' }).waitFor()
    await alice.getByRole('button', { name: 'Group settings' }).click()
    const panel = alice.locator('.parley-group')

    await panel.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('dialog').getByLabel('Group name').fill('Regatta 2027')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await bob.locator('.parley-pane-title', { hasText: 'Regatta 2027' }).waitFor()

    await panel.getByRole('button', { name: 'Announce', exact: true }).click()
    await page.getByRole('dialog').getByLabel('Announcement').fill('Boats leave at nine')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await bob.locator('.parley-announcement', { hasText: 'Boats leave at nine' }).waitFor()

    await panel.getByRole('button', { name: 'Add members' }).click()
    await page.getByRole('dialog').getByLabel('Members').fill('carol')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await panel.locator('[data-member="carol"]').waitFor()
    await bob.locator('.parley-notice', { hasText: 'added Carol' }).waitFor()

    const manage = async (member: string, item: string) => {
      await panel.locator(`[data-member="${member}"]`).getByRole('button').click()
      await page.getByRole('menuitem', { name: item, exact: true }).click()
    }
    await manage('bob', 'Make admin')
    await panel.locator('[data-member="bob"]').getByText('Admin').waitFor()
    await bob.locator('.parley-notice', { hasText: 'Role changed to Admin' }).waitFor()
    await manage('bob', 'Remove as admin')
    await panel.locator('[data-member="bob"]').getByText('Admin').waitFor({ state: 'detached' })
    await manage('bob', 'Mute')
    await bob.getByText('You are muted in this group').waitFor()
    await manage('bob', 'Unmute')
    await field(bob).waitFor()
    await panel.getByLabel('Mute everybody').click()
    await bob.getByText('Only owner and admins may write now').waitFor()
    await picture(page, 'messenger-group')
    await panel.getByLabel('Mute everybody').click()
    await field(bob).waitFor()
    await panel.getByRole('button', { name: 'New invitation link' }).click()
    const token = (await panel.locator('.parley-token').textContent()) ?? ''

    await manage('carol', 'Remove from the group')
    await panel.locator('[data-member="carol"]').waitFor({ state: 'detached' })
    const other = await window()
    const carol = user(await other.open('/?user=carol'), 'carol')
    await carol.getByRole('button', { name: 'New conversation' }).first().click()
    await carol.page().getByText('By link').click()
    await carol.page().getByLabel('Invitation link').fill(token)
    await carol.page().getByRole('button', { name: 'Join' }).click()
    await carol.locator('.parley-pane-title', { hasText: 'Regatta 2027' }).waitFor()

    await panel.getByRole('button', { name: 'Dissolve the group' }).click()
    await conversation(bob, 'Regatta 2027').waitFor({ state: 'detached' })
    expect([...problems, ...other.problems]).toEqual([])
  }, 90_000)

  test('axe finds nothing serious, in light and dark, with menus, panels and dialogs open', async () => {
    const { page, alice, bob, problems } = await twoInGroup()
    await say(alice, 'Something to look at, https://example.com')
    await row(bob, 'look at').waitFor()
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await alice.getByRole('button', { name: 'Group settings' }).click()
      await alice.locator('[data-member]').first().waitFor()
      await choose(bob, 'look at', 'Reply in thread')
      await bob.locator('.parley-thread-panel .parley-row').first().waitFor()
      faults.push(...(await seriousFaults(page)))
      await bob.locator('.parley-thread-panel').getByRole('button', { name: 'Close' }).click()
      await bob.getByRole('button', { name: 'Emoji and stickers' }).first().click()
      faults.push(...(await seriousFaults(page)))
      await page.keyboard.press('Escape')
      const dialog = await attach(bob, 'Poll')
      faults.push(...(await seriousFaults(page)))
      await dialog.getByRole('button', { name: 'Cancel' }).click()
      await alice.locator('.parley-group').getByRole('button', { name: 'Close' }).click()
    }
    expect(faults).toEqual([])
    expect(problems).toEqual([])
  }, 60_000)

  test('from right to left everything is mirrored and nothing overflows', async () => {
    const { open, problems } = await window()
    const page = await open('/?user=alice&dir=rtl')
    const alice = user(page, 'alice')
    await conversation(alice, 'Launch team').click()
    await say(alice, 'שלום לכולם')
    await row(alice, 'שלום').waitFor()
    const [list, main] = await Promise.all([
      alice.locator('.parley-sidebar').boundingBox(),
      alice.locator('.parley-main').boundingBox(),
    ])
    expect(list?.x).toBeGreaterThan(main?.x ?? Number.POSITIVE_INFINITY)
    const own = await row(alice, 'שלום').locator('.parley-bubble').boundingBox()
    expect((own?.x ?? 0) - (main?.x ?? 0)).toBeLessThan(60)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1440)
    await picture(page, 'messenger-rtl')
    expect(problems).toEqual([])
  })
})

async function post(fromUserId: string, content: unknown): Promise<void> {
  const clientMessageId = `posted ${Math.random()}`
  const { status } = await cloud.call('POST', '/v1/messages', {
    conversationId: 'demo-group',
    fromUserId,
    clientMessageId,
    content,
  })
  expect(status).toBe(201)
}

/** A second of film, made by the browser. */
async function recordVideo(page: Page): Promise<Buffer> {
  const bytes = await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 320
    canvas.height = 180
    const context = canvas.getContext('2d')
    const recorder = new MediaRecorder(canvas.captureStream(15), { mimeType: 'video/webm' })
    const chunks: Blob[] = []
    recorder.ondataavailable = ({ data }) => chunks.push(data)
    recorder.start()
    for (let frame = 0; frame < 12; frame++) {
      if (context) {
        context.fillStyle = `hsl(${frame * 25} 70% 50%)`
        context.fillRect(0, 0, 320, 180)
      }
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    const ended = new Promise((resolve) => {
      recorder.onstop = resolve
    })
    recorder.stop()
    await ended
    return [...new Uint8Array(await new Blob(chunks).arrayBuffer())]
  })
  return Buffer.from(bytes)
}
