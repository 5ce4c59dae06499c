import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import pg from 'pg'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow } from './browser.ts'
import { buildPage } from './build-page.ts'
import { inspect } from './messenger-page.ts'

const total = 100_000
const mostRows = 120
/** One around the place, and those beside it that the window has room for. */
const mostPagesOfJump = 3

let cloud: DevCloud

/** A group whose messages are a minute apart, the last one now; written past the server, which would take minutes. */
async function makeLongGroup(): Promise<void> {
  for (const id of ['alice', 'bob']) await cloud.call('POST', '/v1/users', { id, name: id })
  const group = { type: 'group', id: 'long', name: 'Long group', ownerId: 'alice', memberIds: ['bob'] }
  const { status, body } = await cloud.call('POST', '/v1/conversations', group)
  expect(status).toBe(201)
  const { headSeq, headMessageNo } = body as { headSeq: number; headMessageNo: number }
  const database = new pg.Client({ connectionString: cloud.databaseUrl })
  await database.connect()
  try {
    await database.query("select set_config('parley.project_id', $1, false)", [cloud.projectId])
    await database.query(
      `insert into chat.entries
         (project_id, conversation_id, seq, message_no, bears_unread, id, sender_id, content, created_at)
       select $1, 'long', $2::bigint + n, $3::bigint + n, true, 'msg_long' || lpad(n::text, 8, '0'),
              case when n % 3 = 0 then 'alice' else 'bob' end,
              jsonb_build_object('type', 'text', 'text', 'line ' || n || repeat(' and more', (n % 40)::int)),
              now() - ($4::int - n) * interval '1 minute'
       from generate_series(1, $4::int) n`,
      [cloud.projectId, headSeq, headMessageNo, total],
    )
    await database.query(
      `update chat.conversations set head_seq = head_seq + $2, head_message_no = head_message_no + $2
       where project_id = $1 and id = 'long'`,
      [cloud.projectId, total],
    )
  } finally {
    await database.end()
  }
}

/** What is rendered: how many rows, whether they stand without a gap over the whole window, and which lines. */
function look(page: Page) {
  return page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    await frame()
    await frame()
    const list = document.querySelector('.parley-thread')
    const rows = [...document.querySelectorAll('.parley-thread .parley-line')]
    if (!list || rows.length === 0) return { count: 0, gap: 0, first: 0, last: 0, consecutive: false }
    const { top, bottom } = list.getBoundingClientRect()
    let gap = 0
    let end = rows[0]?.getBoundingClientRect().top ?? 0
    gap = Math.max(gap, end - top)
    for (const row of rows) {
      const place = row.getBoundingClientRect()
      gap = Math.max(gap, Math.abs(place.top - end))
      end = place.bottom
    }
    const after = list.scrollHeight - list.scrollTop - list.clientHeight
    if (after > 60) gap = Math.max(gap, bottom - end)
    const lines = rows.flatMap((row) => {
      const found = /line (\d+)/.exec(row.querySelector('.parley-text')?.textContent ?? '')
      return found ? [Number(found[1])] : []
    })
    const consecutive = lines.every((line, index) => index === 0 || line === (lines[index - 1] ?? 0) + 1)
    return { count: rows.length, gap, first: lines[0] ?? 0, last: lines.at(-1) ?? 0, consecutive }
  })
}

describe.skipIf(!hasChromium)('a conversation of 100,000 messages', () => {
  beforeAll(async () => {
    await buildPage()
    cloud = await startDevCloud()
    await makeLongGroup()
  }, 120_000)

  afterAll(async () => {
    await cloud?.close()
  })

  test('all of it is loaded, few rows are in the document, and it scrolls without gaps', async () => {
    const { open, close, problems } = await openWindow(cloud.url)
    try {
      const page = await open('/?user=alice')
      await page.locator('.parley-conversation', { hasText: 'Long group' }).click()
      await page
        .locator('.parley-row', { hasText: `line ${total} ` })
        .first()
        .waitFor()

      // Everything is loaded, out of sight: rendering each page on the way would only take time.
      await page.locator('.parley-conversation', { hasText: 'Launch team' }).click()
      await page.evaluate(async () => {
        const conversation = window.parley.alice?.chat.conversation('long')
        while (await conversation?.loadOlder(200));
      })
      await page.locator('.parley-conversation', { hasText: 'Long group' }).click()
      await page
        .locator('.parley-row', { hasText: `line ${total} ` })
        .first()
        .waitFor({ timeout: 30_000 })
      await page.locator('.parley-thread').evaluate((list) => {
        list.scrollTop = 0
      })
      await page
        .locator('.parley-row', { hasText: /line 1( |$)/ })
        .first()
        .waitFor()
      const atTop = await look(page)
      expect(atTop).toMatchObject({ first: 1, consecutive: true })
      expect(atTop.count).toBeLessThan(mostRows)

      const list = page.locator('.parley-thread')
      const seen: number[] = []
      for (const share of [0.1, 0.9, 0.5, 0.333, 0.75, 0.02]) {
        await list.evaluate((element, to) => {
          element.scrollTop = element.scrollHeight * to
        }, share)
        const found = await look(page)
        expect(found, `at ${share}`).toMatchObject({ consecutive: true })
        expect(found.gap, `at ${share}`).toBeLessThan(2)
        expect(found.count).toBeLessThan(mostRows)
        seen.push(found.first)
      }
      expect(new Set(seen).size).toBe(seen.length)

      // Step by step: what comes next is what follows, both ways.
      const box = await list.boundingBox()
      await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 300)
      let before = await look(page)
      for (const by of [...Array<number>(20).fill(500), ...Array<number>(20).fill(-500)]) {
        await page.mouse.wheel(0, by)
        const now = await look(page)
        expect(now.gap).toBeLessThan(2)
        expect(now.consecutive).toBe(true)
        // Both windows overlap or touch: no row was jumped over.
        expect(now.first).toBeLessThanOrEqual(before.last + 1)
        expect(now.last).toBeGreaterThanOrEqual(before.first - 1)
        before = now
      }

      await page.getByRole('button', { name: 'To the latest message' }).click()
      await page
        .locator('.parley-row', { hasText: `line ${total} ` })
        .first()
        .waitFor()
      const atEnd = await look(page)
      expect(atEnd).toMatchObject({ last: total, consecutive: true })
      expect(atEnd.count).toBeLessThan(mostRows)
      expect(problems).toEqual([])
    } finally {
      await close()
    }
  }, 180_000)

  test('a jump to the far past loads a bounded number of pages, and leads back to the present', async () => {
    const { open, close, problems } = await openWindow(cloud.url)
    try {
      const page = await open('/?user=alice')
      const pages = await countPages(page)
      await page.locator('.parley-conversation', { hasText: 'Long group' }).click()
      await page
        .locator('.parley-row', { hasText: `line ${total} ` })
        .first()
        .waitFor()
      const quoting = { replyToId: `msg_long${String(total / 2).padStart(8, '0')}` }
      await post({ text: 'Look what was said', clientMessageId: 'quoting', ...quoting })
      await page.locator('.parley-row', { hasText: 'Look what was said' }).waitFor()
      const before = pages()
      await page.locator('.parley-quote').click()
      await page.locator('.parley-row[data-marked]', { hasText: `line ${total / 2} ` }).waitFor()
      const there = await look(page)
      expect(there).toMatchObject({ consecutive: true })
      expect(there.gap).toBeLessThan(2)
      expect(pages() - before).toBeLessThanOrEqual(mostPagesOfJump)
      await inspect(page, 'messenger-far-back')

      // The place is read on from, both ways, without a gap.
      const list = page.locator('.parley-thread')
      for (const by of [-4_000, -4_000, 4_000, 4_000, 4_000, 4_000]) {
        await list.evaluate((element, pixels) => element.scrollBy(0, pixels), by)
        expect(await look(page)).toMatchObject({ consecutive: true })
        await expect.poll(async () => (await look(page)).gap).toBeLessThan(2) // Once a page that is wanted there has come.
      }

      // What is said meanwhile is not mistaken for what follows there; the way back asks for nothing.
      await post({ text: 'at last', clientMessageId: 'meanwhile' })
      await page.locator('.parley-conversation', { hasText: 'at last' }).waitFor()
      expect(await page.locator('.parley-row', { hasText: 'at last' }).count()).toBe(0)
      const away = pages()
      await page.getByRole('button', { name: 'Jump to the present' }).click()
      await page.locator('.parley-row', { hasText: 'at last' }).waitFor()
      expect(pages()).toBe(away)
      expect(await look(page)).toMatchObject({ last: total, consecutive: true })

      // The very first day, by its date.
      await page.getByRole('button', { name: 'Search messages' }).click()
      await page
        .getByLabel('Jump to date')
        .fill(new Date(Date.now() - 100 * 86_400_000).toISOString().slice(0, 10))
      await page.getByText(/line 1 and more$/).waitFor()
      expect(pages() - away).toBeLessThanOrEqual(mostPagesOfJump + Math.ceil(Math.log2(total)))

      // Own words are said at the present.
      await page.locator('.parley-pane-main .parley-composer textarea').fill('Back again')
      await page.keyboard.press('Enter')
      await page.locator('.parley-row', { hasText: 'Back again' }).waitFor()
      expect(await page.locator('.parley-row', { hasText: 'at last' }).count()).toBe(1)
      expect(problems).toEqual([])
    } finally {
      await close()
    }
  }, 60_000)

  test('a place some pages back meets the present as the reader scrolls down', async () => {
    const { open, close, problems } = await openWindow(cloud.url)
    try {
      const page = await open('/?user=bob')
      await page.locator('.parley-conversation', { hasText: 'Long group' }).click()
      await page.locator('.parley-row', { hasText: 'Back again' }).waitFor()
      const goal = total - 900
      const pinned = `/v1/messages/msg_long${String(goal).padStart(8, '0')}/pin`
      expect((await cloud.call('PUT', pinned, {})).status).toBe(200)
      await page.locator('.parley-pin').click()
      await page.locator('.parley-row[data-marked]', { hasText: `line ${goal} ` }).waitFor()
      await page.getByRole('button', { name: 'Jump to the present' }).waitFor()
      const seen = new Set<number>()
      const list = page.locator('.parley-thread')
      for (let step = 0; step < 600 && !seen.has(total); step++) {
        await list.evaluate((element) => element.scrollBy(0, element.clientHeight))
        const found = await look(page)
        expect(found.gap).toBeLessThan(2)
        expect(found.consecutive).toBe(true)
        for (let number = found.first; number <= found.last; number++) seen.add(number)
      }
      expect(Math.min(...seen)).toBeLessThanOrEqual(goal)
      expect(seen.size).toBe(total - Math.min(...seen) + 1)
      await page.getByRole('button', { name: 'Jump to the present' }).waitFor({ state: 'detached' })
      expect(problems).toEqual([])
    } finally {
      await close()
    }
  }, 90_000)
})

async function post({ text, ...more }: { text: string; clientMessageId: string; replyToId?: string }) {
  const content = { type: 'text', text }
  const sent = await cloud.call('POST', '/v1/messages', {
    conversationId: 'long',
    fromUserId: 'bob',
    content,
    ...more,
  })
  expect(sent.status).toBe(201)
}

/** How many pages of history the page has asked for so far. */
async function countPages(page: Page): Promise<() => number> {
  let count = 0
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      count += String(payload).split('"type":"message.list"').length - 1
    }),
  )
  await page.reload()
  return () => count
}
