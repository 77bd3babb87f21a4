/** Pages as people have them: light and dark, wide and on a phone, with scripts and without. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";

export type Look = {
  readonly colorScheme?: "light" | "dark";
  readonly width?: number;
  readonly hasScripts?: boolean;
};

/** Closed when the test ends. Everything that the page complains of is thrown at its end. */
export async function openPage(url: string, look: Look = {}): Promise<Page> {
  const { colorScheme = "light", width = 1_280, hasScripts = true } = look;
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-background-networking"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({
    ...{ colorScheme, viewport: { width, height: 800 }, javaScriptEnabled: hasScripts },
    // For axe, which is put into the page.
    bypassCSP: true,
  });
  await page.goto(url);
  return page;
}

/** What axe calls serious or worse, each with the first place where it is so. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await readFile(axe, "utf8"));
  const found = (await page.evaluate("axe.run()")) as {
    readonly violations: readonly {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  };
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}

/** Short texts in tables, headings too, that do not stand on one line. Names may take several. */
export async function brokenCells(page: Page): Promise<readonly string[]> {
  const broken = `
    const names = ["Image", "Asked for", "Blob", "Registry"];
    const lines = (cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getBoundingClientRect().height / parseFloat(getComputedStyle(cell).lineHeight);
    };
    [...document.querySelectorAll("th, td")]
      .filter((cell) => !names.includes(cell.dataset.label) && lines(cell) > 1.5)
      .map((cell) => cell.textContent)`;
  return (await page.evaluate(broken)) as readonly string[];
}

/** Pixels by which the page is wider than its window. */
export async function sidewaysScroll(page: Page): Promise<number> {
  return Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
}
