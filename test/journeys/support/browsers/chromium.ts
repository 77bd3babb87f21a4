/** Debian's Chromium without a window. */
import type { Browser } from "./browser.ts";

/** Every name leads to this machine. */
export async function openChromium(): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--host-resolver-rules=MAP * 127.0.0.1",
      "--disable-features=HttpsUpgrades,LocalNetworkAccessChecks",
    ],
  });
  const page = await browser.newPage();
  return {
    name: "Chromium",
    open: async (url) => {
      await page.goto(url);
    },
    run: (expression) => page.evaluate(expression),
    close: () => browser.close(),
  };
}
