/** Whatever path is asked for, no file outside DATA_DIR is touched, and no secret of it is given away. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRoute, repositoryOf } from "../../src/protocol/route.ts";
import { dial } from "./support/client.ts";
import { FileWatch } from "./support/file-watch.ts";
import { addImage } from "./support/image.ts";
import { type Program, Scene } from "./support/program.ts";
import { seeded } from "./support/seeded.ts";

const pieces = [
  ...[
    "/",
    "/",
    "/",
    "//",
    ".",
    "..",
    "../",
    "%2e%2e/",
    "..%2f",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "\\",
  ],
  ...["%00", "%", "%zz", "~", "~root", "etc/passwd", "proc/self/environ", "ca.key", "ca/ca.key"],
  ...["token.secret", "records.sqlite", "VERSION", "lock", "partial", "blobs/sha256/", "dev/null"],
  ...["v2", "v2/", "team/app", "library", "ghcr.io/", "localhost:1/", "manifests/", "blobs/"],
  ...["uploads/", "tags/list", "referrers/", "_catalog", "latest", "1", "sha256:", "sha512:"],
  ...["sha256:../../../../etc/passwd", "SHA256:", "a".repeat(64), "A".repeat(64), "f".repeat(128)],
  ...[
    "sha256:".concat("b".repeat(64)),
    "?ns=",
    "?ns=../..",
    "?digest=",
    "&n=1",
    "setup/",
    "docker",
  ],
  ...[
    "a".repeat(300),
    "a/".repeat(40),
    "__proto__",
    "constructor",
    "CON",
    "NUL",
    ":",
    "@",
    "+",
    "-",
  ],
];

function* randomPaths(count: number, seed: number): Generator<string> {
  const random = seeded(seed);
  const starts = ["/v2/", "/v2/team/app/blobs/", "/v2/team/app/manifests/", "/", "/setup/", "/ca"];
  for (let index = 0; index < count; index += 1) {
    let path = starts[Math.floor(random() * starts.length)] ?? "/";
    const length = 1 + Math.floor(random() * 6);
    for (let part = 0; part < length; part += 1) {
      path += pieces[Math.floor(random() * pieces.length)] ?? "";
    }
    yield path;
  }
}

let scene: Scene;
let program: Program;
let watch: FileWatch;

beforeAll(async () => {
  scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  addImage(server, "team/app");
  program = await scene.start({ REGISTRIES: name, OFFLINE: "true" });
  // What is loaded on first use is loaded now.
  await send(["/", "/setup/docker", "/v2/team/app/manifests/1"]);
  watch = new FileWatch();
}, 60_000);

afterAll(async () => {
  watch.stop();
  await scene.close();
});

/** One connection, one request after the other; gives everything that came back. */
async function send(paths: readonly string[]): Promise<string> {
  const socket = await dial(program.port);
  let text = "";
  let answered = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.setEncoding("latin1");
  socket.on("data", (piece: string) => {
    text += piece;
    answered += piece.split("HTTP/1.1 ").length - 1;
    if (answered >= paths.length) resolve();
  });
  socket.once("close", resolve);
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(""), "latin1");
  await promise;
  socket.destroy();
  return text;
}

describe("random paths", () => {
  it("are taken for no route whose names could leave their folder", () => {
    const asked = [...randomPaths(100_000, 1)].flatMap((path) =>
      ["GET", "PUT"].map((method) => parseRoute(method, path)),
    );
    const routes = asked.filter((route) => repositoryOf(route) !== undefined);
    expect(routes.length).toBeGreaterThan(1_000);
    const names = routes.map((route) =>
      [repositoryOf(route), "digest" in route ? route.digest : ""].join(" "),
    );
    expect(names.filter((name) => /\.\.|[\\%\0]|^\//.test(name))).toEqual([]);
  });

  it("touch no file outside DATA_DIR, and give none of its secrets away", {
    timeout: 90_000,
  }, async () => {
    const secrets = [
      (await readFile(join(program.dataDir, "ca", "ca.key"), "utf8")).split("\n")[1] ?? "",
      (await readFile(join(program.dataDir, "token.secret"))).toString("latin1"),
    ];
    // The watch sees what it should.
    expect([...watch.touched]).toContain(join(program.dataDir, "token.secret"));
    watch.touched.clear();
    let leaked = 0;
    const paths = [...randomPaths(8_000, 2)].filter((path) => !path.includes("\0"));
    // One to a connection: what follows a refused request is not read.
    const worker = async (): Promise<void> => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const text = await send([path]);
        if (secrets.some((secret) => text.includes(secret))) leaked += 1;
      }
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    expect(leaked).toBe(0);
    const outside = [...watch.touched].filter((path) => !path.startsWith(program.dataDir));
    expect(outside).toEqual([]);
  });
});
