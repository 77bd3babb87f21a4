/** Folders for one test, removed when it is over (when made outside a test: after the file). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished } from "vitest";

const ofTheFile: string[] = [];

afterAll(async () => {
  await Promise.all(ofTheFile.splice(0).map(remove));
});

/** A fresh, empty folder. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "entrepot-test-"));
  atEndOfTest(folder);
  return folder;
}

function atEndOfTest(folder: string): void {
  try {
    onTestFinished(() => remove(folder));
  } catch {
    // Vitest throws when no test is running, as in beforeAll.
    ofTheFile.push(folder);
  }
}

function remove(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
