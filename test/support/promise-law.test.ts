import { describe, expect, it } from "vitest";
import { promiseBreaches } from "./promise-law.ts";

const breaches = (text: string) => promiseBreaches(new Map([["src/a.ts", text]]));
const imports = 'import { rm, writeFile as write } from "node:fs/promises";\n';

describe("the law on promises", () => {
  it.each([
    'server.on("request", async () => {});',
    'socket.once(\n  "end",\n  async function () {},\n);',
    "createServer(async (a, b) => {});",
    "createServer({ a: 1 }, async (a, b) => {});",
    "setTimeout(async () => {}, 1);",
    'class A {\n  async #run() {}\n  go() {\n    x.on("y", () => this.#run());\n  }\n}',
    'async function run() {}\nx.on("y", run);',
    "const run = async () => {};\nsetInterval(run, 5);",
  ])("refuses an ignored async function: %s", (text) => {
    expect(breaches(text)).toEqual([expect.stringMatching(/^src\/a\.ts:\d+: an async function/)]);
  });

  it.each([
    "rm(a);",
    "if (x) rm(a);",
    "write(\n  a,\n  b,\n);",
    "handle.close();",
    "this.#handle?.close();",
    "if (x) handle.close();",
    "class Writer {\n  close(): Promise<void> {}\n}\nwriter.close();",
  ])("refuses a promise nobody waits for: %s", (text) => {
    expect(breaches(`${imports}${text}`)).toHaveLength(1);
  });

  it.each([
    "await rm(a);",
    "void rm(a).catch(report);",
    "await Promise.all([\n  rm(a),\n  rm(b),\n]);",
    "const gone =\n  rm(a);",
    "return rm(a);",
    "const remove = () =>\n  rm(a);",
    "await handle.close();",
    "// rm(a);",
    "/**\n * rm(a);\n */",
    "server.close(done);",
    "this.#database?.close();",
    "class BodyWriter {\n  close(): void {}\n}\nthis.#writer.close();",
    'async function run() {}\nx.on("y", () => void run().catch(report));',
  ])("lets pass: %s", (text) => {
    expect(breaches(`${imports}${text}`)).toEqual([]);
  });
});
