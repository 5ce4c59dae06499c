import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'
import {
  conversation,
  dialogOf,
  field,
  inspect,
  makeUsers,
  picture,
  row,
  say,
  user,
} from './messenger-page.ts'

let cloud: DevCloud
let made = 0
const windows: Window[] = []

async function window(): Promise<Window> {
  const opened = await openWindow(cloud.url)
  windows.push(opened)
  return opened
}

async function drawnPicture(page: Page): Promise<Buffer> {
  const drawn = await page.evaluate(() => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 640
    const context = canvas.getContext('2d')
    if (context) {
      context.fillStyle = 'hsl(205 70% 55%)'
      context.fillRect(0, 0, 640, 640)
      context.fillStyle = 'white'
      context.beginPath()
      context.moveTo(320, 90)
      context.lineTo(520, 440)
      context.lineTo(320, 440)
      context.fill()
    }
    return canvas.toDataURL('image/png').split(',')[1] ?? ''
  })
  return Buffer.from(drawn, 'base64')
}

/** A fresh group of alice with these members, open for alice and bob, with its settings shown to alice. */
async function group(memberIds: string[], settings: object = {}) {
  const id = `group-${++made}`
  const name = `Regatta ${made}`
  const { status } = await cloud.call('POST', '/v1/conversations', {
    type: 'group',
    id,
    name,
    ownerId: 'alice',
    memberIds,
    settings,
  })
  expect(status).toBe(201)
  const opened = await window()
  const page = await opened.open('/')
  const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
  await conversation(alice, name).click()
  if (memberIds.includes('bob')) await conversation(bob, name).click()
  await alice.getByRole('button', { name: 'Group settings' }).click()
  const panel = alice.locator('.parley-group')
  await panel.locator('[data-member="alice"]').waitFor()
  return { ...opened, page, alice, bob, panel, id, name }
}

/** Another user in a window of their own. */
async function visitor(id: string) {
  const { open, problems } = await window()
  return { who: user(await open(`/?user=${id}`), id), problems }
}

async function manage(panel: Locator, member: string, item: string): Promise<void> {
  await panel.locator(`[data-member="${member}"]`).getByRole('button').click()
  await panel.page().getByRole('menuitem', { name: item, exact: true }).click()
}

async function askToJoin(who: Locator, id: string): Promise<void> {
  await who.getByRole('button', { name: 'New conversation' }).first().click()
  await dialogOf(who).getByText('By link').click()
  await dialogOf(who).getByLabel('Invitation link').fill(id)
  await dialogOf(who).getByRole('button', { name: 'Join' }).click()
}

describe.skipIf(!hasChromium)('groups in Chromium', () => {
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

  test('a group has a picture, and so have users', async () => {
    const address = new URL('/favicon.svg', cloud.url).href
    await cloud.call('PATCH', '/v1/users/bob', { avatarUrl: address })
    const { alice, bob, panel, name, problems } = await group(['bob'])
    await panel.locator(`[data-member="bob"] .parley-avatar img[src="${address}"]`).waitFor()
    await panel.getByRole('button', { name: 'Change picture' }).click()
    await dialogOf(alice).getByLabel('Address of the picture').fill(address)
    await dialogOf(alice).getByRole('button', { name: 'Save' }).click()
    await conversation(bob, name).locator(`.parley-avatar img[src="${address}"]`).waitFor()

    await panel.getByRole('button', { name: 'Change picture' }).click()
    await dialogOf(alice)
      .locator('input[type="file"]')
      .setInputFiles([{ name: 'boat.png', mimeType: 'image/png', buffer: await drawnPicture(alice.page()) }])
    await dialogOf(alice).getByRole('img', { name: 'The chosen picture' }).waitFor()
    await picture(alice.page(), 'group-picture')
    await dialogOf(alice).getByRole('button', { name: 'Save' }).click()
    await dialogOf(alice).waitFor({ state: 'detached' })
    const shown = conversation(bob, name).locator('.parley-avatar img[src*="/pictures/"]')
    await shown.waitFor()
    await expect
      .poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth), { timeout: 20_000 })
      .toBe(480)
    expect(problems).toEqual([])
  }, 60_000)

  test('a member is banned, cannot come back, and can once the ban is lifted', async () => {
    const { page, bob, panel, name, id, problems } = await group(['bob', 'carol'], { joinPolicy: 'open' })
    await manage(panel, 'bob', 'Remove and ban')
    await conversation(bob, name).waitFor({ state: 'detached' })
    const banned = panel.getByRole('list', { name: 'Banned' })
    await banned.getByText('Bob').waitFor()
    await banned.scrollIntoViewIfNeeded()
    await inspect(page, 'messenger-bans')
    await askToJoin(bob, id)
    await page.getByText('This user is banned.').waitFor()
    await page.keyboard.press('Escape')
    await banned.getByRole('button', { name: 'Lift the ban' }).click()
    await banned.waitFor({ state: 'detached' })
    await askToJoin(bob, id)
    await bob.locator('.parley-pane-title', { hasText: name }).waitFor()
    await panel.locator('[data-member="bob"]').waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('the group is handed over, and the new owner runs it', async () => {
    const { bob, alice, panel, problems } = await group(['bob', 'carol'])
    await manage(panel, 'bob', 'Hand over the group')
    await panel.locator('[data-member="bob"]').getByText('Owner').waitFor()
    await panel.locator('[data-member="alice"]').getByText('Admin').waitFor()
    await panel.getByRole('button', { name: 'Dissolve the group' }).waitFor({ state: 'detached' })
    await bob.locator('.parley-notice', { hasText: 'The group was handed over: You' }).waitFor()
    await bob.getByRole('button', { name: 'Group settings' }).click()
    const owned = bob.locator('.parley-group')
    await owned.getByRole('button', { name: 'Dissolve the group' }).waitFor()
    await manage(owned, 'alice', 'Remove as admin')
    await panel.locator('[data-member="alice"]').getByText('Admin').waitFor({ state: 'detached' })
    await alice.locator('.parley-notice', { hasText: 'Role changed to Member' }).waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('requests to join come live, and are approved, rejected and taken back', async () => {
    const { page, panel, id, name, problems } = await group(['bob'], { joinPolicy: 'approval' })
    const [carol, dave] = [await visitor('carol'), await visitor('dave')]
    const requests = panel.getByRole('list', { name: 'Requests to join' })
    await askToJoin(carol.who, id)
    await carol.who.getByText(`You asked to join ${id}`).waitFor()
    await askToJoin(dave.who, id)
    await requests.getByRole('listitem').nth(1).waitFor()
    await requests.scrollIntoViewIfNeeded()
    await inspect(page, 'messenger-requests')
    const request = (who: string) => requests.getByRole('listitem').filter({ hasText: who })
    await request('Dave').getByRole('button', { name: 'Reject' }).click()
    await dave.who.page().getByText('You were not let in').waitFor()
    await dave.who.getByText('You asked to join').waitFor({ state: 'detached' })
    await request('Carol').getByRole('button', { name: 'Approve' }).click()
    await carol.who.page().getByText('You were let in').waitFor()
    await conversation(carol.who, name).click()
    await carol.who.locator('.parley-pane-title', { hasText: name }).waitFor()
    await requests.waitFor({ state: 'detached' })

    await askToJoin(dave.who, id)
    await request('Dave').waitFor()
    await dave.who.getByRole('button', { name: 'Withdraw' }).click()
    await dave.who.getByText('You asked to join').waitFor({ state: 'detached' })
    await request('Dave').getByRole('button', { name: 'Approve' }).click()
    await page.getByText('That is not possible any more.').waitFor()
    await requests.waitFor({ state: 'detached' })
    expect([...problems, ...carol.problems, ...dave.problems]).toEqual([])
  }, 90_000)

  test('whoever is invited is asked, and accepts, declines, or is not waited for any more', async () => {
    const { panel, name, problems } = await group(['bob'])
    await panel.getByLabel('Whoever is invited is asked first').click()
    const [carol, dave] = [await visitor('carol'), await visitor('dave')]
    const invite = async (ids: string) => {
      await panel.getByRole('button', { name: 'Add members' }).click()
      await dialogOf(panel).getByLabel('Members').fill(ids)
      await dialogOf(panel).getByRole('button', { name: 'Save' }).click()
    }
    await invite('carol, dave')
    await carol.who.getByText(`Alice invites you to ${name}`).waitFor()
    await inspect(carol.who.page(), 'messenger-invited')
    await carol.who.getByRole('button', { name: 'Accept' }).click()
    await carol.who.locator('.parley-pane-title', { hasText: name }).waitFor()
    await panel.locator('[data-member="carol"]').waitFor()
    await dave.who.getByRole('button', { name: 'Decline' }).click()
    await dave.who.getByText('invites you').waitFor({ state: 'detached' })

    await invite('dave')
    await dave.who.getByText(`Alice invites you to ${name}`).waitFor()
    const sent = panel.getByRole('list', { name: 'Invitations' })
    await sent.getByRole('button', { name: 'Withdraw' }).click()
    await sent.waitFor({ state: 'detached' })
    await dave.who.getByRole('button', { name: 'Accept' }).click()
    await dave.who.page().getByText('That is not possible any more.').waitFor()
    await dave.who.getByText('invites you').waitFor({ state: 'detached' })
    expect([...problems, ...carol.problems, ...dave.problems]).toEqual([])
  }, 90_000)

  test('who may write is decided, attributes and nicknames are kept, announcements are remembered', async () => {
    const { page, bob, panel, problems } = await group(['bob'])
    await panel.getByLabel('Who may write').selectOption({ label: 'Owner and admins' })
    await say(bob, 'May I?')
    await row(bob, 'May I?').getByText('You may not do this.').waitFor()
    await row(bob, 'May I?').getByRole('button', { name: 'Delete' }).click()
    await panel.getByLabel('Who may write').selectOption({ label: 'Everybody' })
    await say(bob, 'Now I may')
    await row(bob, 'Now I may').locator('[data-state="sent"], [data-state="read"]').waitFor()

    await panel.getByLabel('Who may change attributes').selectOption({ label: 'Everybody' })
    await panel.getByRole('button', { name: 'Add an attribute' }).click()
    await dialogOf(panel).getByLabel('Name').fill('wind')
    await dialogOf(panel).getByLabel('Value').fill('12 knots')
    await dialogOf(panel).getByRole('button', { name: 'Save' }).click()
    await bob.getByRole('button', { name: 'Group settings' }).click()
    const other = bob.locator('.parley-group')
    await other.locator('.parley-attributes', { hasText: '12 knots' }).waitFor()
    await other.getByRole('button', { name: 'Edit: wind' }).click()
    await dialogOf(other).getByLabel('Value').fill('20 knots')
    await dialogOf(other).getByRole('button', { name: 'Save' }).click()
    await panel.locator('.parley-attributes', { hasText: '20 knots' }).waitFor()
    await panel.getByRole('button', { name: 'Delete: wind' }).click()
    await other.locator('.parley-attributes', { hasText: 'wind' }).waitFor({ state: 'detached' })

    await manage(other, 'bob', 'Nickname in the group')
    await dialogOf(other).getByLabel('Nickname in the group').fill('Captain')
    await dialogOf(other).getByRole('button', { name: 'Save' }).click()
    await panel.locator('[data-member="bob"]', { hasText: 'Captain' }).waitFor()

    for (const text of ['Boats leave at nine', 'Boats leave at ten']) {
      await panel.getByRole('button', { name: 'Announce', exact: true }).click()
      await dialogOf(panel).getByLabel('Announcement').fill(text)
      await dialogOf(panel).getByRole('button', { name: 'Save' }).click()
      await bob.locator('.parley-announcement', { hasText: text }).waitFor()
    }
    await other.getByRole('button', { name: 'Earlier announcements' }).click()
    await other
      .getByRole('list', { name: 'Earlier announcements' })
      .getByText('Boats leave at nine')
      .waitFor()
    await inspect(page, 'messenger-group-rules')
    expect(problems).toEqual([])
  }, 90_000)

  test('an invitation link that was revoked lets nobody in; who leaves is gone', async () => {
    const { page, bob, panel, name, problems } = await group(['bob'])
    await panel.getByRole('button', { name: 'New invitation link' }).click()
    const token = (await panel.locator('.parley-token').textContent()) ?? ''
    await panel.getByRole('button', { name: 'Revoke' }).click()
    await panel.getByText('Invitation link, used').waitFor({ state: 'detached' })
    const carol = await visitor('carol')
    await askToJoin(carol.who, token)
    await carol.who.page().locator('.parley-toast').waitFor()
    expect(await conversation(carol.who, name).count()).toBe(0)
    await bob.getByRole('button', { name: 'Group settings' }).click()
    await bob.getByRole('button', { name: 'Leave the group' }).click()
    await conversation(bob, name).waitFor({ state: 'detached' })
    await panel.locator('[data-member="bob"]').waitFor({ state: 'detached' })
    await user(page, 'alice').locator('.parley-notice', { hasText: 'Bob left' }).waitFor()
    expect([...problems, ...carol.problems]).toEqual([])
  }, 60_000)

  test('a notice of the operator rings, is read on one device and known on the other, and is taken back', async () => {
    const { page, alice, bob, problems } = await group(['bob'])
    const content = { title: 'Tonight', text: 'The service rests from 02:00 to 02:10' }
    const audience = { kind: 'users', userIds: ['alice'] }
    const sent = await cloud.call('POST', '/v1/notices', { audience, content })
    expect(sent.status).toBe(201)
    await alice.getByRole('button', { name: 'Notices, 1 unread' }).click()
    await alice.getByText('The service rests').waitFor()
    expect(await bob.getByRole('button', { name: /Notices/ }).count()).toBe(0)
    await inspect(page, 'messenger-notices')
    const second = await visitor('alice')
    await second.who.getByRole('button', { name: 'Notices', exact: true }).click()
    await second.who.getByText('The service rests').waitFor()
    const { id } = sent.body as { id: string }
    expect((await cloud.call('DELETE', `/v1/notices/${id}`)).status).toBe(200)
    for (const who of [alice, second.who]) await who.getByText('No notices').waitFor()
    expect([...problems, ...second.problems]).toEqual([])
  }, 60_000)

  test('messages reach the other device before they are read, and only then count as read', async () => {
    const alice = await visitor('alice')
    const bob = await visitor('bob')
    await alice.who.getByRole('button', { name: 'New conversation' }).first().click()
    await dialogOf(alice.who).getByLabel('User id').fill('bob')
    await dialogOf(alice.who).getByRole('button', { name: 'Start' }).click()
    await field(alice.who).waitFor()
    await say(alice.who, 'Are you there?')
    await row(alice.who, 'Are you there?').locator('[data-state="delivered"]').waitFor()
    await conversation(bob.who, 'Alice').locator('.parley-badge', { hasText: '1' }).waitFor()
    await picture(bob.who.page(), 'messenger-unread')
    await conversation(bob.who, 'Alice').click()
    await row(alice.who, 'Are you there?').locator('[data-state="read"]').waitFor()
    expect([...alice.problems, ...bob.problems]).toEqual([])
  }, 60_000)
})
