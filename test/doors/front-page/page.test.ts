import { expect, it } from "vitest";
import { printPage } from "../../../src/doors/front-page/page.ts";
import { facts } from "../../whole/setup-scripts/script-runner.ts";

const scripts = [{ name: "one", summary: 'Sets <one> & "two" up.', body: () => "" }];

it("the page loads nothing from elsewhere and needs no script", () => {
  const page = printPage(facts, scripts);
  expect(page).not.toMatch(/<script|<link|<img|@import|url\(/);
  expect(page).not.toMatch(/(?:src|href)="(?!\/)/);
});

it("the page has each set-up with the line to paste, as text and not as markup", () => {
  const page = printPage(facts, scripts);
  expect(page).toContain("curl -fsS http://cache.lan:3128/setup/one -o setup-entrepot.sh");
  expect(page).toContain("Sets &#60;one&#62; &#38; &#34;two&#34; up.");
  expect(page).toContain(facts.fingerprint);
});

it("the page has a line to read the script by before the line that runs it", () => {
  expect(printPage(facts, scripts)).toMatch(
    /less setup-entrepot\.sh.*sudo bash setup-entrepot\.sh/s,
  );
});
