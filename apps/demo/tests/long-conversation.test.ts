import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import pg from 'pg'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, openWindow } from './browser.ts'
import { buildPage } from './build-page.ts'

const total = 100_000
const mostRows = 120

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

      // A date before the beginning: everything is loaded, and the first message is shown.
      await page.getByRole('button', { name: 'Search messages' }).click()
      const since = new Date(Date.now() - 100 * 86_400_000).toISOString().slice(0, 10)
      await page.getByLabel('Jump to date').fill(since)
      await page
        .locator('.parley-row', { hasText: /line 1( |$)/ })
        .first()
        .waitFor({ timeout: 90_000 })
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
})
