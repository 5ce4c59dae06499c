import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Locator, Page } from 'playwright-core'

/** Where pictures for the documentation go; without it none are kept. */
const pictures = process.env.PARLEY_PICTURES

export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return
  mkdirSync(pictures, { recursive: true })
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' })
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

export const user = (page: Page, id: string) => page.locator(`[data-user="${id}"]`)

/** Goes to an area of the messenger. */
export async function goTo(who: Locator, area: string): Promise<void> {
  await who.locator('.parley-rail').getByRole('button', { name: area }).click()
}

/** Fills a field of the dialog that is open. */
export async function fill(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('dialog').getByLabel(label, { exact: true }).fill(text)
}

export async function press(page: Page, button: string): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: button, exact: true }).click()
}
