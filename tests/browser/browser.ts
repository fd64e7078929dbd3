// A real browser for the tests of the console: each page that is opened must end without an error and without a refused script.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Nobody's profile and no sandbox, since tests run as root in containers; nothing is asked of anybody's servers. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

export const DESKTOP = { width: 1280, height: 800 }
export const PHONE = { width: 360, height: 740 }

export function launchBrowser(): Promise<Browser> {
  const executablePath = process.env.TEST_CHROMIUM
  if (executablePath === undefined) throw new Error('TEST_CHROMIUM is not set: run the tests by npm run test:browser')
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

interface Terms {
  colorScheme?: 'light' | 'dark'
  viewport?: { width: number; height: number }
}

export interface Watched {
  page: Page
  /** What the browser complained of: errors of scripts, and what the content security policy refused. */
  complaints: string[]
  close(): Promise<void>
}

export async function openPage(
  browser: Browser,
  { colorScheme = 'light', viewport = DESKTOP }: Terms = {},
): Promise<Watched> {
  const context = await browser.newContext({
    colorScheme,
    viewport,
    locale: 'en-GB',
    timezoneId: 'Europe/Vienna',
    reducedMotion: 'reduce',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // An answer of 4xx is one that the page deals with.
    const isAnswer = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !isAnswer) complaints.push(message.text())
  })
  await page.addInitScript({ path: AXE })
  return { page, complaints, close: () => context.close() }
}

/** What axe finds wrong, in a few words each. */
export function findingsOn(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
    const { violations } = await axe.run()
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    )
  })
}

interface Violation {
  id: string
  nodes: { html: string; failureSummary: string }[]
}

/** How much wider the page is than its window, in pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** What is wrong with a page as it is, in both themes, and on a phone as well; the window is as it was afterwards. */
export async function findingsInEveryForm(page: Page): Promise<string[]> {
  const findings: string[] = []
  const usual = page.viewportSize() ?? DESKTOP
  for (const viewport of [usual, PHONE])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme })
      findings.push(...(await findingsOn(page)))
      const wider = await overflowOf(page)
      if (wider > 0) findings.push(`${wider} pixels wider than ${viewport.width}`)
    }
  await page.setViewportSize(usual)
  await page.emulateMedia({ colorScheme: 'light' })
  return findings
}

/** For the documentation, where a run is asked for pictures. */
export async function takePicture(page: Page, name: string, { fullPage = false } = {}): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder === undefined) return
  await page.evaluate('scrollTo(0, 0)')
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage })
}
