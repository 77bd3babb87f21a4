import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { runEntrepot, startEntrepot } from "./support/entrepot.ts";
import { runWell } from "./support/program.ts";

/** What an operator reads is short: no stack, no more than a few lines. */
function expectSentence(output: string, words: RegExp): void {
  expect(output).toMatch(words);
  expect(output).not.toMatch(/\n\s+at .+:\d+:\d+/);
  expect(output.split("\n").filter((line) => line !== "").length).toBeLessThan(12);
}

async function folderFor(): Promise<string> {
  return mkdtemp(join(inject("parts").folder, "start-"));
}

describe("a start that cannot work ends, and says why", () => {
  it("a setting misspelt in the YAML file: says what was meant", async () => {
    const folder = await folderFor();
    const file = join(folder, "entrepot.yaml");
    await writeFile(file, "CACHE_MAX_SIZ: 10 GiB\ncache_max_siz: 10 GiB\n");
    const PORT = String(await freePort());
    const ended = await runEntrepot(folder, { PORT }, ["--config", file]);
    expect(ended.code).toBeGreaterThan(0);
    expectSentence(ended.output, /CACHE_MAX_SIZE|cache_max_size|cacheMaxSize/);
  });

  it("a value that makes no sense: says what to write", async () => {
    const folder = await folderFor();
    const ended = await runEntrepot(folder, { PORT: "many" });
    expect(ended.code).toBeGreaterThan(0);
    expectSentence(ended.output, /PORT.*many/);
  });

  it("a port in use: says which", async () => {
    const folder = await folderFor();
    const other = createServer();
    const PORT = String(await freePort());
    await new Promise<void>((resolve) => other.listen(Number(PORT), "127.0.0.1", resolve));
    const ended = await runEntrepot(folder, { PORT, DATA_DIR: join(folder, "data") });
    other.close();
    expect(ended.code).toBeGreaterThan(0);
    expectSentence(ended.output, new RegExp(`${PORT}.*(in use|taken)|(in use|taken).*${PORT}`));
  });

  it("a data folder that cannot be made: says which", async () => {
    const folder = await folderFor();
    const inTheWay = join(folder, "file");
    await writeFile(inTheWay, "");
    const PORT = String(await freePort());
    const DATA_DIR = join(inTheWay, "data");
    const ended = await runEntrepot(folder, { PORT, DATA_DIR });
    expect(ended.code).toBeGreaterThan(0);
    expectSentence(ended.output, new RegExp(DATA_DIR));
  });

  it("a data folder on a read-only disk: says which", async () => {
    const folder = await folderFor();
    const disk = join(folder, "disk");
    await mkdir(disk);
    await runWell("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", disk]);
    const PORT = String(await freePort());
    const ended = await runEntrepot(folder, { PORT, DATA_DIR: join(disk, "data") });
    await runWell("umount", [disk]);
    expect(ended.code).toBeGreaterThan(0);
    expectSentence(ended.output, new RegExp(disk));
  });

  it("a data folder another process holds: names its pid, within two seconds", async () => {
    const folder = await folderFor();
    const DATA_DIR = join(folder, "data");
    await mkdir(join(folder, "second"));
    const first = await startEntrepot(folder, { DATA_DIR });
    const PORT = String(await freePort());
    const start = () => runEntrepot(join(folder, "second"), { PORT, DATA_DIR });
    const second = await start();
    // The best of three: a busy machine takes a second for node alone.
    let { seconds } = second;
    for (let tries = 1; seconds >= 2 && tries < 3; tries += 1) seconds = (await start()).seconds;
    await first.stop();
    expect(second.code).toBeGreaterThan(0);
    expectSentence(second.output, new RegExp(`${DATA_DIR}.*in use.*${first.pid}`));
    expect(seconds).toBeLessThan(2);
  });
});
