import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DevCloud } from '@parley/testing/devcloud'
import axe from 'axe-core'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** Where pictures for the documentation go; without it none are kept. */
const pictures = process.env.PARLEY_PICTURES

export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return
  mkdirSync(pictures, { recursive: true })
  // Transitions are brought to their end, or a change of theme would be caught half-way.
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' })
}

/** The seat of one user in the page, or what stands for it in a page of one user. */
export const user = (page: Page, id: string) => page.locator(`[data-user="${id}"]`)
export const row = (who: Locator, text: string) =>
  who.locator('.parley-thread .parley-row', { hasText: text })
export const conversation = (who: Locator, name: string) =>
  who.locator('.parley-conversation', { hasText: name })
export const field = (who: Locator) => who.locator('.parley-pane-main .parley-composer textarea')
export const dialogOf = (who: Locator) => who.page().getByRole('dialog')

export async function say(who: Locator, text: string): Promise<void> {
  await field(who).fill(text)
  await field(who).press('Enter')
}

/** Opens the menu of a message by the keyboard, and chooses from it. */
export async function choose(who: Locator, text: string, item: string): Promise<void> {
  const message = row(who, text).first()
  const menu = who.page().getByRole('menu')
  // A row that is rendered anew while its conversation is loaded loses the focus.
  for (let attempt = 0; attempt < 5 && !(await menu.isVisible()); attempt++) {
    await message.focus()
    await message.press('Enter')
    await menu.waitFor({ timeout: 1_000 }).catch(() => undefined)
  }
  await menu.getByRole('menuitem', { name: item, exact: true }).click()
}

/** Opens the form of something that is sent beside text. */
export async function attach(who: Locator, item: string): Promise<Locator> {
  await who.getByRole('button', { name: 'Add to the message' }).first().click()
  await who.page().getByRole('menuitem', { name: item }).click()
  return dialogOf(who)
}

interface AxeOutcome {
  violations: { id: string; impact: string | null; nodes: { html: string; failureSummary?: string }[] }[]
}

/** What axe holds for serious or critical, each with the first place where it is. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const outcome = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeOutcome> } }).axe.run(),
  )
  return outcome.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`)
}

/** The page as it is, in light and in dark: a picture of each, and nothing serious for axe in either. */
export async function inspect(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await picture(page, `${name}-${colorScheme}`)
    expect(await seriousFaults(page), `${name}, ${colorScheme}`).toEqual([])
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
}

/** Users with names, as the applications of customers make them. */
export async function makeUsers(cloud: DevCloud): Promise<void> {
  for (const id of ['alice', 'bob', 'carol', 'dave'])
    await cloud.call('POST', '/v1/users', { id, name: id[0]?.toUpperCase() + id.slice(1) })
}
