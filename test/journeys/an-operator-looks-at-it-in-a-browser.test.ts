/** The dashboard and the front page in a real browser, while pulls go on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stallAt } from "../support/fake-registry/fault.ts";
import { freePort } from "../support/free-port.ts";
import { viaProxy } from "../whole/support/client.ts";
import { addImage, type Image, manifestType } from "../whole/support/image.ts";
import { type NamedRegistry, type Program, Scene } from "../whole/support/program.ts";
import {
  brokenCells,
  type Look,
  openPage,
  seriousFindings,
  sidewaysScroll,
} from "./support/browsers/pages.ts";

const looks: readonly Look[] = [
  { colorScheme: "light" },
  { colorScheme: "dark" },
  { colorScheme: "light", width: 360 },
  { colorScheme: "dark", width: 360 },
];

let scene: Scene;
let registry: NamedRegistry;
let program: Program;
let settings: Readonly<Record<string, string>>;

beforeAll(async () => {
  scene = await Scene.open();
  registry = await scene.registry("registry.test");
  settings = { REGISTRIES: registry.name, ADMIN_PORT: String(await freePort()) };
  program = await scene.start(settings);
});
afterAll(() => scene.close());

const dashboard = () => `http://127.0.0.1:${program.adminPort}/`;

function get(path: string) {
  return viaProxy(program, registry.name, `/v2/${path}`, { headers: { accept: manifestType } });
}

async function pull({ repository, tag, config, layer }: Image): Promise<void> {
  for (const path of [`manifests/${tag}`, `blobs/${config}`, `blobs/${layer}`]) {
    expect((await get(`${repository}/${path}`)).status).toBe(200);
  }
}

describe("the dashboard", () => {
  it.each(looks)("is readable for a new operator, too: %j", async (look) => {
    const page = await openPage(dashboard(), look);
    await page.getByText("Nothing was pulled yet").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(await sidewaysScroll(page)).toBe(0);
  });

  it("says to a new operator what to paste, and then what was pulled, without being loaded again", async () => {
    const page = await openPage(dashboard());
    await page.getByText("Nothing was pulled yet").waitFor();
    expect(await page.locator(".welcome pre").textContent()).toContain("/setup/docker");
    await page.getByText("live", { exact: true }).waitFor();
    for (let count = 1; count <= 30; count += 1) {
      await pull(addImage(registry.server, `team/app-${count}`));
    }
    await page.locator("#requests tbody tr").first().waitFor({ timeout: 30_000 });
    await page.locator("#savings dd", { hasText: /^30$/ }).waitFor({ timeout: 30_000 });
  });

  it("shows a download as it goes, with who waits for it", async () => {
    const page = await openPage(dashboard());
    const half = stallAt(100_000);
    const image = addImage(registry.server, "team/slow");
    registry.server.misbehave({ path: /team\/slow\/blobs/, times: 1 }, half);
    const blob = get(`team/slow/blobs/${image.layer}`);
    await half.gate.reached;
    const bar = page.locator("#downloads progress");
    await bar.waitFor({ timeout: 10_000 });
    expect(await bar.getAttribute("aria-label")).toMatch(/^33 % of [0-9a-f]{12}$/);
    half.gate.open();
    await blob;
    await page.getByText("Nothing is being fetched.").waitFor({ timeout: 10_000 });
  });

  it("has controls that do what they say: search, more, earlier, what goes next", async () => {
    const page = await openPage(dashboard());
    await page.getByLabel("Search").fill("app-7");
    await page.getByLabel("Search").press("Enter");
    await page.waitForURL(/search=app-7/);
    expect(await page.locator("#images tbody tr").count()).toBe(1);
    await page.getByLabel("Search").fill("");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("link", { name: "More" }).click();
    await page.waitForURL(/offset=25/);
    expect(await page.locator("#images tbody tr").count()).toBeGreaterThan(0);
    await page.getByRole("link", { name: "Earlier" }).click();
    await page.waitForURL(/offset=0/);
    expect(await page.locator("#images tbody tr").count()).toBe(25);
    await page.getByText("What goes next").click();
    expect(await page.locator("#disk tbody tr").first().isVisible()).toBe(true);
  });

  it("draws both plots, and says in words what is in them", async () => {
    const page = await openPage(dashboard());
    await page.locator("#plot-hours canvas").waitFor();
    await page.locator("#plot-days canvas").waitFor();
    const told = await page.locator("#plot-hours").getAttribute("aria-label");
    expect(told).toMatch(/^Last 24 hours: .* saved, .* fetched$/);
  });

  it.each(looks)("is whole and readable for everybody: %j", async (look) => {
    const page = await openPage(dashboard(), look);
    await page.locator("#plot-hours canvas").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(await sidewaysScroll(page)).toBe(0);
    const headings = await page.locator("h2").allTextContents();
    expect(headings.slice(0, 4)).toEqual([
      ...["State", "Last 24 hours", "Downloads now", "Registries"],
    ]);
  });

  it.each([700, 1_280])(
    "keeps figures, times and headings on one line in a window of %i pixels",
    async (width) => {
      await pull(addImage(registry.server, "team/backend/payments-service-of-the-whole-company"));
      const page = await openPage(dashboard(), { width });
      expect(await page.locator("#requests tbody tr").count()).toBeGreaterThan(30);
      expect(await brokenCells(page)).toEqual([]);
      expect(await sidewaysScroll(page)).toBe(0);
    },
  );

  it("can be read without scripts, and says that it is not live", async () => {
    const page = await openPage(dashboard(), { hasScripts: false });
    await page.getByText("All well").waitFor();
    await page.getByText("not live: this page is as of when it was loaded").waitFor();
    expect(await page.locator("#images tbody tr").count()).toBe(25);
  });

  it("says since when it is not live, keeps its numbers, and comes back by itself", async () => {
    const page = await openPage(dashboard());
    await page.getByText("live", { exact: true }).waitFor();
    const pulls = await page.locator("#savings").textContent();
    await program.stop();
    await page.getByText(/^not live since \d\d:\d\d/).waitFor();
    expect(await page.locator("body").getAttribute("class")).toContain("lost");
    expect(await page.locator("#savings").textContent()).toBe(pulls);
    program = await scene.start(settings);
    await page.getByText("live", { exact: true }).waitFor({ timeout: 20_000 });
    expect(await page.locator("body").getAttribute("class")).not.toContain("lost");
  });
});

describe("the front page", () => {
  const front = () => `http://127.0.0.1:${program.port}/`;

  it.each([true, false])(
    "shows the client that is chosen, with scripts: %j",
    async (hasScripts) => {
      const page = await openPage(front(), { hasScripts });
      const shown = page.locator(".client:visible h2");
      expect(await shown.allTextContents()).toEqual(["Docker"]);
      const names = await page.locator(".chooser a").allTextContents();
      expect(names.length).toBeGreaterThan(8);
      for (const name of names) {
        await page.getByRole("link", { name, exact: true }).press("Enter");
        expect(await shown.allTextContents()).toEqual([name]);
        expect(await page.locator(".client:visible pre").count()).toBeGreaterThan(0);
      }
    },
  );

  it.each(looks)("is whole and readable for everybody: %j", async (look) => {
    const page = await openPage(front(), look);
    for (const name of await page.locator(".chooser a").allTextContents()) {
      await page.getByRole("link", { name, exact: true }).click();
      expect([name, await seriousFindings(page)]).toEqual([name, []]);
      expect([name, await sidewaysScroll(page)]).toEqual([name, 0]);
    }
  });

  it("has lines that are copied as they are to be run", async () => {
    const page = await openPage(front());
    await page.locator("#docker pre").first().click();
    expect(await page.evaluate("getSelection().toString()")).toBe(
      `curl -fsS http://127.0.0.1:${program.port}/setup/docker -o setup-entrepot.sh\nless setup-entrepot.sh`,
    );
  });

  it("leads who went to a page that is not there back to it", async () => {
    const page = await openPage(`${front()}dashboard`);
    await page.getByRole("link", { name: "Its front page" }).click();
    await page.getByRole("heading", { name: "Set up a client" }).waitFor();
  });
});
