/** Debian's Chromium without a window. */
import type { Browser } from "./browser.ts";

/** Every name leads to this machine, or by this proxy, whose authority it takes without a question. */
export async function openChromium(proxy?: string): Promise<Browser> {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    ...(proxy === undefined ? {} : { proxy: { server: proxy } }),
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--host-resolver-rules=MAP * 127.0.0.1",
      "--disable-features=HttpsUpgrades,LocalNetworkAccessChecks",
    ],
  });
  const page = await browser.newPage({ ignoreHTTPSErrors: proxy !== undefined });
  return {
    name: "Chromium",
    open: async (url) => {
      await page.goto(url);
    },
    run: (expression) => page.evaluate(expression),
    close: () => browser.close(),
  };
}
