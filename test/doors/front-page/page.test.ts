import { expect, it } from "vitest";
import { printPage } from "../../../src/doors/front-page/page.ts";
import { textOf } from "../../support/page-text.ts";
import { facts } from "../../whole/setup-scripts/script-runner.ts";

const scripts = [
  { name: "docker", summary: 'Sets <one> & "two" up.', print: () => "" },
  { name: "containerd", summary: "Sets containerd up.", print: () => "" },
];

it("the page loads nothing from elsewhere and needs no script", () => {
  const page = printPage({ facts, scripts });
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(/);
  expect(page).not.toMatch(/(?:src|href)="(?![/#])/);
});

it("the page has each set-up with the line to paste, as text and not as markup", () => {
  const page = printPage({ facts, scripts });
  expect(textOf(page)).toContain(
    "curl -fsS http://cache.lan:3128/setup/docker -o setup-entrepot.sh",
  );
  expect(page).toContain("Sets &#60;one&#62; &#38; &#34;two&#34; up.");
  expect(textOf(page)).toContain(facts.fingerprint);
});

it("the page has a line to read the script by before the line that runs it", () => {
  expect(textOf(printPage({ facts, scripts }))).toMatch(
    /less setup-entrepot\.sh\s+sudo bash setup-entrepot\.sh/,
  );
});

it("the page leads to each client by a link, and shows one of them without any", () => {
  const page = printPage({ facts, scripts });
  const links = [...page.matchAll(/<li><a href="#([a-z0-9-]+)">/g)].map(([, id]) => id);
  expect(links).toEqual([
    ...["docker", "rootless", "macos", "windows"],
    ...["containerd", "nothing", "check"],
  ]);
  for (const id of links) {
    expect(page).toContain(`<section class="client" id="${id}"`);
    expect(page).toContain(`body:has(#${id}:target) .chooser a[href="#${id}"]`);
  }
  expect(page).toContain("body:not(:has(.client:target)) #docker { display: block; }");
});

it("lines to paste break between their words alone, and are whole when copied", () => {
  const page = printPage({ facts, scripts });
  const lines = [...page.matchAll(/<span class="line">(.*?)\n<\/span>/gs)].map(([, line]) => line);
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) expect(line).toMatch(/^<b>[^<]+<\/b>(?: +<b>[^<]+<\/b>)*$/);
});

it("under a name that stands for one registry there is no way for all of them", () => {
  const only = { ...facts, isOneRegistry: true, registries: facts.registries.slice(0, 1) };
  const page = textOf(printPage({ facts: only, scripts: scripts.slice(1) }));
  expect(page).not.toMatch(/HTTPS_PROXY|Rootless|Windows|Desktop|Every registry/);
  expect(page).toContain("/setup/containerd");
});
