/** What a start would find on this machine: the data folder and its volume, descriptors, ports. */
import { access, constants, readFile, stat, statfs } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { formatHostPort, type HostPort } from "../../../protocol/http/host-port.ts";
import { BlobNames } from "../../../store/disk/blob-names.ts";
import { nodeFileSystem } from "../../../store/disk/file-system.ts";
import { StoreError } from "../../../store/store-error.ts";
import { mustStayFree } from "../../compose/fullness.ts";
import type { Examination } from "./examination.ts";
import { holderOf } from "./port-holder.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

const gib = 2 ** 30;
const enoughDescriptors = 65_536;
const enoughInodes = 100_000;

export async function lookAtFolder({ settings }: Examination): Promise<readonly Symptom[]> {
  const folder = resolve(settings.files.dataDir);
  const there = await nearest(folder);
  const findings = [await lookAtRights(folder, there)];
  const { bavail, blocks, bsize, ffree, files: inodes } = await statfs(there);
  findings.push(
    lookAtRoom({
      folder,
      free: bavail * bsize,
      kept: await keptIn(folder),
      mostKept: settings.cache.maxSize,
      reserve: mustStayFree(settings, blocks * bsize),
    }),
  );
  // Some filesystems have as many as they need and say 0.
  if (inodes > 0 && ffree < enoughInodes) {
    const mend =
      "df -i says what of them there is; DATA_DIR can be on another volume (xfs makes them as it goes)";
    findings.push(wrong(`${ffree} inodes are free in ${folder}, and each blob takes one`, mend));
  }
  return findings;
}

type Room = {
  readonly folder: string;
  /** Bytes, as the others. */
  readonly free: number;
  readonly kept: number;
  readonly mostKept: number;
  /** What CACHE_MIN_FREE leaves alone. */
  readonly reserve: number;
};

function lookAtRoom({ folder, free, kept, mostKept, reserve }: Room): Symptom {
  const beside = kept === 0 ? "" : ` beside ${inGib(kept)} that are kept`;
  const what = `${inGib(free)} are free for images in ${folder}${beside}`;
  const possible = Math.max(free - reserve + kept, 0);
  if (possible >= mostKept) return well(what);
  const fits = possible < gib ? "" : `write CACHE_MAX_SIZE=${Math.floor(possible / gib)}g, or `;
  return mind(
    `${what}, and CACHE_MAX_SIZE is ${inGib(mostKept)}`,
    `less is kept then, and nothing breaks; ${fits}put DATA_DIR on a larger volume`,
  );
}

async function keptIn(folder: string): Promise<number> {
  let bytes = 0;
  const names = new BlobNames(nodeFileSystem, join(folder, "blobs"));
  try {
    for await (const blobs of names.walk(() => undefined)) {
      for (const { size } of blobs) bytes += size;
    }
  } catch (error) {
    // That it may not be read is another finding.
    if (!(error instanceof StoreError)) throw error;
  }
  return bytes;
}

async function lookAtRights(folder: string, there: string): Promise<Symptom> {
  try {
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    const mend = `chown it to this user, or write another folder as DATA_DIR`;
    return wrong(`${there} may not be written by this user`, mend);
  }
  const { uid } = await stat(there);
  const user = process.getuid?.() ?? uid;
  if (there === folder && user === 0 && uid !== 0) {
    const what = `${folder} belongs to user ${uid}, and this is root`;
    return mind(what, "start the server as that user, or the files it makes will be root's");
  }
  return well(`${folder} can be written`);
}

/** The folder, or what it would be made in. */
async function nearest(folder: string): Promise<string> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

function inGib(bytes: number): string {
  if (bytes < gib / 10) return `${Math.round((bytes / gib) * 1024)} MiB`;
  return `${(bytes / gib).toFixed(bytes < 10 * gib ? 1 : 0)} GiB`;
}

/** Of the server, or of a process started from this shell; not on other systems than Linux. */
export async function lookAtDescriptors({ server }: Examination): Promise<readonly Symptom[]> {
  const process = server?.pid ?? "self";
  const limits = await readFile(`/proc/${process}/limits`, "utf8").catch(() => "");
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  if (!Number.isFinite(soft)) return [];
  if (soft >= enoughDescriptors) return [well(`${soft} files may be open at once`)];
  const what = `${soft} files may be open at once, and each client takes one or two`;
  return [mind(what, "ulimit -n 65536 before a start; the unit has LimitNOFILE=65536")];
}

export async function lookAtPorts({ settings, server }: Examination): Promise<readonly Symptom[]> {
  const { host, port, tlsPort, adminHost, adminPort } = settings.listen;
  const { acmeDomains, acmeChallenge, acmeHttpPort } = settings.mirror;
  const wanted: [string, HostPort][] = [["PORT", { host, port }]];
  if (tlsPort !== undefined) wanted.push(["TLS_PORT", { host, port: tlsPort }]);
  if (adminPort !== 0) wanted.push(["ADMIN_PORT", { host: adminHost, port: adminPort }]);
  if (acmeDomains.length > 0 && acmeChallenge === "http-01") {
    wanted.push(["ACME_HTTP_PORT", { host, port: acmeHttpPort }]);
  }
  if (server !== undefined)
    return [well(`Entrepot has its ports (${wanted.map(([, at]) => at.port).join(", ")})`)];
  return await Promise.all(wanted.map(([setting, at]) => lookAtPort(setting, at)));
}

async function lookAtPort(setting: string, at: HostPort): Promise<Symptom> {
  const code = await listening(at);
  const where = formatHostPort(at);
  if (code === undefined) return well(`${where} is free (${setting})`);
  if (code === "EADDRINUSE") {
    const holder = await holderOf(at.port);
    const by = holder === undefined ? "somebody" : holder;
    return wrong(`${where} is taken by ${by}`, `stop that, or write another ${setting}`);
  }
  if (code === "EACCES") {
    const mend = `write a ${setting} from 1024, or see "Port 443" in docs/guides/service.md`;
    return wrong(`this user may not open port ${at.port}`, mend);
  }
  return wrong(
    `${where} cannot be listened on (${code})`,
    "write an address of this machine as HOST",
  );
}

/** The error code; undefined where it can be listened on. */
function listening({ host, port }: HostPort): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.name));
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)));
  });
}
