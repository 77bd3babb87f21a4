/** What a command reads of the data folder while no server runs there. Takes the folder meanwhile. */
import { stat } from "node:fs/promises";
import { parseImageName } from "../../doors/back-office/image-name.ts";
import { Images } from "../../doors/back-office/images.ts";
import { statistics } from "../../doors/back-office/statistics.ts";
import { parseDigest } from "../../protocol/digest.ts";
import { StoreError } from "../../store/store-error.ts";
import { openCatalogueStore } from "../compose/catalogue.ts";
import { composeStore } from "../compose/store.ts";
import { AskError, type Asked, dataFolder, failedBy } from "./control.ts";

/** Throws AskError with a sentence. */
export async function readOffline(asked: Asked, path: string): Promise<unknown> {
  const folder = dataFolder(asked);
  await becomeOwner(folder);
  try {
    return await reading(folder, path);
  } catch (error) {
    if (error instanceof StoreError) throw failedBy(error, error.message);
    throw error;
  }
}

/** Root would leave files behind that the server may not read. */
async function becomeOwner(folder: string): Promise<void> {
  const its = await stat(`${folder}/VERSION`).catch(() => undefined);
  if (its === undefined) {
    const sentence = `no server runs with ${folder}, and nothing is kept there; write --data-dir`;
    throw new AskError("NO_SERVER", sentence);
  }
  if (process.getuid?.() !== 0 || its.uid === 0) return;
  process.setgid?.(its.gid);
  process.setuid?.(its.uid);
}

async function reading(folder: string, path: string): Promise<unknown> {
  const quiet = { store: () => undefined, note: () => undefined };
  const store = await composeStore(folder, quiet);
  const catalogue = openCatalogueStore({ dataDir: folder, log: quiet });
  try {
    const images = new Images({
      store: catalogue,
      isKept: async (text) => {
        const digest = parseDigest(text);
        return digest !== undefined && (await store.blobs.stat(digest)) !== undefined;
      },
      // Who may have it is in the records, which only a server reads.
      visibility: async () => "–",
    });
    const [what, query] = path.split("?", 2);
    const fields = new URLSearchParams(query);
    if (what === "stats") return statistics(catalogue, Date.now());
    if (what === "images") return await images.list(imagesQuery(fields));
    const name = parseImageName(fields.get("name") ?? "");
    const image = name && (await images.show(name));
    if (image !== undefined) return image;
    throw new AskError("FAILED", `${fields.get("name")} was never asked for here`);
  } finally {
    catalogue.close();
    await store.close(AbortSignal.timeout(10_000));
  }
}

function imagesQuery(fields: URLSearchParams) {
  const sort = fields.get("sort") ?? "last";
  if (sort !== "last" && sort !== "name" && sort !== "pulls") {
    throw new AskError("FAILED", `--sort is ${sort}; write last, name or pulls`);
  }
  return {
    search: fields.get("search") ?? "",
    sort,
    offset: 0,
    limit: Number(fields.get("limit") ?? 50),
  } as const;
}
