import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { fakeDevices, hasChromium, openWindow, type Window } from './browser.ts'
import { buildPage } from './build-page.ts'
import {
  attach,
  choose,
  conversation,
  dialogOf,
  field,
  inspect,
  makeUsers,
  row,
  say,
  user,
} from './messenger-page.ts'
import { startTranslator, type Translator } from './translator.ts'

let cloud: DevCloud
let translator: Translator
const windows: Window[] = []

async function window(): Promise<Window> {
  const opened = await openWindow(cloud.url, { permissions: ['microphone'] }, fakeDevices)
  windows.push(opened)
  return opened
}

/** Two users side by side: in the group of the demo, or with each other, as the page begins. */
async function two(where: 'group' | 'direct' = 'group') {
  const opened = await window()
  const page = await opened.open('/')
  const [alice, bob] = [user(page, 'alice'), user(page, 'bob')]
  await field(bob).waitFor()
  if (where === 'group') for (const who of [alice, bob]) await conversation(who, 'Launch team').click()
  await alice.getByRole('button', { name: 'Group settings' }).waitFor({
    state: where === 'group' ? 'visible' : 'detached',
  })
  return { ...opened, page, alice, bob }
}

/** A picture as a user has it on the desktop, for a page to drop or paste. */
async function giveFile(page: Page, target: Locator, how: 'drop' | 'paste', name: string): Promise<void> {
  const data = await page.evaluateHandle(async (fileName) => {
    const canvas = document.createElement('canvas')
    canvas.width = 120
    canvas.height = 80
    const context = canvas.getContext('2d')
    if (context) {
      context.fillStyle = '#2b59ff'
      context.fillRect(0, 0, 120, 80)
    }
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve))
    const transfer = new DataTransfer()
    if (blob) transfer.items.add(new File([blob], fileName, { type: 'image/png' }))
    return transfer
  }, name)
  if (how === 'paste') {
    await target.evaluate((element, clipboardData) => {
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    }, data)
    return
  }
  for (const type of ['dragenter', 'dragover']) await target.dispatchEvent(type, { dataTransfer: data })
  await page.getByText('Drop to send').waitFor()
  await target.dispatchEvent('drop', { dataTransfer: data })
}

describe.skipIf(!hasChromium)('messages in Chromium', () => {
  beforeAll(async () => {
    await buildPage()
    translator = await startTranslator()
    cloud = await startDevCloud({ env: translator.env })
    await makeUsers(cloud)
  })

  afterAll(async () => {
    await cloud?.close()
    await translator?.close()
  })

  afterEach(async () => {
    for (const { close } of windows.splice(0)) await close()
  })

  test('every version of a message can be looked up by both, with its time', async () => {
    const { page, alice, bob, problems } = await two()
    await say(alice, 'The boat leaves at nine')
    await row(bob, 'leaves at nine').waitFor()
    for (const text of ['The boat leaves at ten', 'The boat leaves at eleven']) {
      await row(alice, 'The boat leaves').hover()
      await row(alice, 'The boat leaves').getByRole('button', { name: 'Edit', exact: true }).click()
      await say(alice, text)
      await row(bob, text).waitFor()
    }
    await row(bob, 'at eleven').getByRole('button', { name: 'edited' }).click()
    const versions = dialogOf(bob).getByRole('listitem')
    await versions.nth(2).waitFor()
    const texts = await versions.allInnerTexts()
    expect(texts.map((text) => /leaves at (\w+)/.exec(text)?.[1])).toEqual(['eleven', 'ten', 'nine'])
    expect(texts.map((text) => /Version (\d)/.exec(text)?.[1])).toEqual(['3', '2', '1'])
    expect(await versions.locator('time').count()).toBe(3)
    await inspect(page, 'messenger-edits')
    await page.keyboard.press('Escape')
    await choose(alice, 'at eleven', 'Edit history')
    await dialogOf(alice).getByText('The boat leaves at nine').waitFor()
    await page.keyboard.press('Escape')
    expect(problems).toEqual([])
  }, 60_000)

  test('who reacted is listed for everybody', async () => {
    const { page, alice, bob, problems } = await two()
    await say(alice, 'We won the race')
    await row(bob, 'won the race').waitFor()
    for (const who of [alice, bob]) {
      await row(who, 'won the race').hover()
      await row(who, 'won the race').getByRole('button', { name: 'React' }).click()
      await page
        .locator('.parley-emoji button')
        .nth(who === alice ? 0 : 1)
        .click()
    }
    await row(alice, 'won the race').locator('.parley-reaction').nth(1).waitFor()
    await choose(alice, 'won the race', 'Who reacted')
    await dialogOf(alice).getByRole('listitem').filter({ hasText: 'Alice' }).getByText('👍').waitFor()
    await dialogOf(alice).getByRole('listitem').filter({ hasText: 'Bob' }).getByText('❤️').waitFor()
    await inspect(page, 'messenger-reactors')
    expect(problems).toEqual([])
  }, 60_000)

  test('a message is made a task, done by one and seen by the other', async () => {
    const { page, alice, bob, problems } = await two()
    await say(alice, 'Order the life jackets')
    await row(bob, 'life jackets').waitFor()
    await choose(alice, 'life jackets', 'Make it a task')
    const task = (who: Locator) => row(who, 'life jackets').getByRole('checkbox')
    await task(bob).waitFor()
    expect(await task(bob).getAttribute('aria-checked')).toBe('false')
    await task(bob).click()
    await alice.getByRole('checkbox', { name: 'Done: Bob', checked: true }).waitFor()
    await bob.getByRole('checkbox', { name: 'Done: You', checked: true }).waitFor()
    await inspect(page, 'messenger-task')
    await page.reload()
    await alice.getByRole('checkbox', { name: 'Done: Bob', checked: true }).waitFor()
    await choose(bob, 'life jackets', 'No task any more')
    await task(alice).waitFor({ state: 'detached' })
    expect(problems).toEqual([])
  }, 60_000)

  test('a text in another language is translated by the service of the settings, once', async () => {
    const { alice, bob, problems } = await two()
    await say(alice, 'Der Hafen schließt um neun')
    await row(bob, 'Der Hafen').waitFor()
    await choose(bob, 'Der Hafen', 'Translate')
    await row(bob, 'Der Hafen').getByText('The harbour closes at nine').waitFor()
    expect(await alice.getByText('The harbour closes').count()).toBe(0)
    await bob.page().reload()
    await row(bob, 'Der Hafen').waitFor()
    await choose(bob, 'Der Hafen', 'Translate')
    await row(bob, 'Der Hafen').getByText('The harbour closes at nine').waitFor()
    expect(translator.answered).toEqual([{ text: 'Der Hafen schließt um neun', to: 'en' }])

    await say(alice, 'Was keiner kennt')
    await row(bob, 'Was keiner').waitFor()
    await choose(bob, 'Was keiner', 'Translate')
    await bob.page().getByText('That did not work').waitFor()
    expect(translator.faults).toEqual(['no such text: Was keiner kennt'])
    expect(problems).toEqual([])
  }, 60_000)

  test('one message burns after it was read, another expires, and both are gone for both', async () => {
    const { page, alice, bob, problems } = await two('direct')
    const form = await attach(alice, 'Disappearing messages')
    await form.getByLabel('After it was read').selectOption({ label: '10 seconds' })
    await inspect(page, 'messenger-lifetime')
    await form.getByRole('button', { name: 'Save' }).click()
    await alice.getByText('10 seconds after it was read').waitFor()
    await say(alice, 'Burn this letter')
    await row(bob, 'Burn this letter').waitFor()
    await alice.getByText('10 seconds after it was read').waitFor({ state: 'detached' })

    const forAll = await attach(alice, 'Disappearing messages')
    await forAll.getByLabel('After it was sent').selectOption({ label: '10 seconds' })
    await forAll.getByLabel('For all messages here from now on').click()
    await forAll.getByRole('button', { name: 'Save' }).click()
    await bob.getByText('10 seconds after it was sent').waitFor()
    await say(bob, 'Gone soon, too')
    await row(alice, 'Gone soon').waitFor()
    for (const who of [alice, bob])
      for (const text of ['Burn this letter', 'Gone soon'])
        await row(who, text).waitFor({ state: 'detached', timeout: 30_000 })
    expect(await alice.locator('.parley-notice', { hasText: 'This message has expired' }).count()).toBe(2)

    await bob.getByRole('button', { name: 'Cancel: Disappearing messages' }).click()
    await alice.getByText('10 seconds after it was sent').waitFor({ state: 'detached' })
    expect(problems).toEqual([])
  }, 90_000)

  test('pictures are dropped and pasted, taken out again, and sent', async () => {
    const { page, alice, bob, problems } = await two()
    await giveFile(page, alice.locator('.parley-pane'), 'drop', 'dropped.png')
    await alice.getByRole('img', { name: 'dropped.png' }).waitFor()
    await giveFile(page, field(alice), 'paste', 'pasted.png')
    await alice.getByRole('img', { name: 'pasted.png' }).waitFor()
    await alice.getByRole('button', { name: 'Remove dropped.png' }).click()
    await alice.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-image-card img[data-shown]').waitFor()
    expect(await bob.locator('.parley-image-card').count()).toBe(1)

    await giveFile(page, bob.locator('.parley-pane'), 'drop', 'answer.png')
    await bob.getByRole('button', { name: 'Send' }).click()
    await alice.locator('.parley-row:not([data-own]) .parley-image-card img[data-shown]').waitFor()
    expect(problems).toEqual([])
  }, 60_000)

  test('a red packet is shared out, a gift is for one, and who took what is shown', async () => {
    const { page, alice, bob, problems } = await two()
    const other = await window()
    const carol = user(await other.open('/?user=carol'), 'carol')
    await conversation(carol, 'Launch team').click()
    const packet = await attach(alice, 'Red packet')
    await packet.getByLabel('Amount').fill('6')
    await packet.getByLabel('Shares', { exact: true }).fill('2')
    await packet.getByLabel('Random shares').click()
    await packet.getByLabel('Greeting').fill('For the crew')
    await packet.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-packet', { hasText: 'For the crew' }).click()
    await dialogOf(bob).locator('.parley-packet-own', { hasText: '3.00' }).waitFor()
    await inspect(page, 'messenger-packet')
    await page.keyboard.press('Escape')
    await carol.locator('.parley-packet', { hasText: 'For the crew' }).click()
    await dialogOf(carol).locator('.parley-people li').nth(1).waitFor()
    await alice.locator('.parley-packet', { hasText: '2 of 2 taken' }).click()
    await dialogOf(alice).getByText('There is no share for you in this one').waitFor()
    expect(await dialogOf(alice).locator('.parley-people li').allInnerTexts()).toEqual([
      expect.stringMatching(/Bob.*3\.00/s),
      expect.stringMatching(/Carol.*3\.00/s),
    ])
    await page.keyboard.press('Escape')

    const gift = await attach(alice, 'Gift')
    await gift.getByLabel('Amount').fill('1.5')
    await gift.getByLabel('Shares', { exact: true }).fill('1')
    await gift.getByLabel('Greeting').fill('Happy birthday, Carol')
    await gift.getByLabel('Only for user id').fill('carol')
    await gift.getByRole('button', { name: 'Send' }).click()
    await bob.locator('.parley-packet', { hasText: 'Happy birthday' }).click()
    await dialogOf(bob).getByText('There is no share for you in this one').waitFor()
    await page.keyboard.press('Escape')
    await carol.page().keyboard.press('Escape')
    await carol.locator('.parley-packet', { hasText: 'Happy birthday' }).click()
    await dialogOf(carol).locator('.parley-packet-own', { hasText: '1.50' }).waitFor()
    await alice.locator('.parley-packet', { hasText: 'Happy birthday' }).getByText('All taken').waitFor()
    expect([...problems, ...other.problems]).toEqual([])
  }, 60_000)

  test('a poll with several answers is voted in, changed and ended', async () => {
    const { alice, bob, problems } = await two()
    const poll = await attach(alice, 'Poll')
    await poll.getByLabel('Question').fill('Which days?')
    await poll.getByLabel('Option 1').fill('Friday')
    await poll.getByLabel('Option 2').fill('Saturday')
    await poll.getByLabel('Several answers possible').click()
    await poll.getByRole('button', { name: 'Send' }).click()
    const option = (who: Locator, name: string) => who.locator('.parley-poll-option', { hasText: name })
    await option(bob, 'Friday').click()
    await option(bob, 'Saturday').click()
    await option(alice, 'Saturday').getByText('1').waitFor()
    await option(bob, 'Friday').click()
    await option(alice, 'Friday').getByText('0').waitFor()
    await alice.getByRole('button', { name: 'End the poll' }).click()
    await bob.locator('.parley-poll', { hasText: 'Closed' }).waitFor()
    expect(await option(bob, 'Friday').isDisabled()).toBe(true)
    expect(problems).toEqual([])
  }, 60_000)

  test('everyone is mentioned, and everyone who is online', async () => {
    const { page, alice, bob, problems } = await two()
    for (const [typed, name] of [
      ['Look @every', 'everyone'],
      ['Look @onl', 'online'],
    ] as const) {
      await field(alice).pressSequentially(typed)
      await page.getByRole('option', { name }).waitFor()
      await field(alice).press('Enter')
      await field(alice).press('Enter')
      await bob.locator('.parley-mention[data-own]', { hasText: `@${name}` }).waitFor()
    }
    expect(problems).toEqual([])
  }, 60_000)

  test('commands of a bot are offered while they are written', async () => {
    const { page, alice, bob, problems } = await two()
    await cloud.call('POST', '/v1/users', { id: 'helper', name: 'Helper' })
    // Nobody listens there, and nobody is told: it hears only what mentions it.
    const made = await cloud.call('PUT', '/v1/bots/helper', {
      url: 'http://127.0.0.1:9/bot',
      commands: [
        { name: 'weather', description: 'How the weather is' },
        { name: 'wind', description: 'Where the wind comes from' },
      ],
    })
    expect(made.status).toBe(200)
    const added = await cloud.call('POST', '/v1/conversations/demo-group/members', { userIds: ['helper'] })
    expect(added.status).toBe(200)
    await field(alice).pressSequentially('/w')
    await page.getByRole('option', { name: '/weather' }).waitFor()
    await page.getByRole('option', { name: '/wind' }).waitFor()
    await inspect(page, 'messenger-commands')
    await field(alice).press('ArrowDown')
    await field(alice).press('Enter')
    await field(alice).pressSequentially('at sea')
    await field(alice).press('Enter')
    await row(bob, '/wind at sea').waitFor()
    expect(problems).toEqual([])
  }, 60_000)
})
