/** Who may push to, pull from and delete in the hosted registry, and how they show who they are. */
import { argon2Sync, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/protocol/digest.ts";
import { parseChallenges } from "../../src/protocol/http/challenge.ts";
import { direct } from "./support/client.ts";
import { codeOf, HostedClient, messageOf, newImage } from "./support/hosted.ts";
import { basic, type Login } from "./support/login.ts";
import { type Program, Scene } from "./support/program.ts";

const host = "registry.lan";
const alice: Login = ["alice", "CANARY-alice"];
const bob: Login = ["bob", "CANARY-bob"];

function bcryptOf(password: string): string {
  return hashSync(password, 4).replace(/^\$2[ab]\$/, "$2y$");
}

function argon2Of(password: string): string {
  const nonce = randomBytes(16);
  const [memory, passes, parallelism] = [64, 2, 1];
  const hash = argon2Sync("argon2id", {
    ...{ message: password, nonce, memory, passes, parallelism },
    tagLength: 32,
  });
  const text = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(nonce)}$${text(hash)}`;
}

async function openRegistry(settings: Readonly<Record<string, string>> = {}) {
  const scene = await Scene.open();
  const htpasswd = join(scene.folder, "htpasswd");
  await writeFile(htpasswd, `# logins\nalice:${bcryptOf(alice[1])}\nbob:${argon2Of(bob[1])}\n`);
  const all = { HOSTED_HOSTS: host, HOSTED_HTPASSWD: htpasswd, ...settings };
  const program = await scene.start(all);
  const as = (login: Login): HostedClient =>
    new HostedClient(program, host, { authorization: basic(login) });
  return { scene, program, htpasswd, as, nobody: new HostedClient(program, host) };
}

type TokenAsk = { readonly login?: Login; readonly scope?: string };

async function tokenOf(program: Program, { login, scope }: TokenAsk) {
  const query = new URLSearchParams({ service: host, ...(scope === undefined ? {} : { scope }) });
  const headers = { host, ...(login === undefined ? {} : { authorization: basic(login) }) };
  return await direct(program, `/v2/token?${query}`, { headers });
}

async function withToken(program: Program, ask: TokenAsk): Promise<HostedClient> {
  const { token } = JSON.parse((await tokenOf(program, ask)).body.toString());
  return new HostedClient(program, host, { authorization: `Bearer ${token}` });
}

describe("logging in", () => {
  it("begins with a challenge on the very door that was asked", async () => {
    const { nobody } = await openRegistry();
    const { status, headers } = await nobody.get("/v2/");
    const [challenge] = parseChallenges([String(headers["www-authenticate"])]);
    expect(status).toBe(401);
    expect(challenge?.scheme).toBe("bearer");
    expect(Object.fromEntries(challenge?.parameters ?? [])).toEqual({
      realm: `http://${host}/v2/token`,
      service: host,
    });
  });

  it.each([
    ["https://push.example.com", "push.example.com", "https://push.example.com"],
    ["https://push.example.com:8443", "push.example.com:8443", "https://push.example.com:8443"],
    ["https://push.example.com", "registry.lan", "http://registry.lan"],
    ["https://push.example.com", "push.example.com:5000", "http://push.example.com:5000"],
  ])(
    "with PUBLIC_URL=%s, asked as %s behind whatever ends TLS, is at %s",
    async (url, asked, origin) => {
      const { program } = await openRegistry({
        HOSTED_HOSTS: "registry.lan push.example.com",
        PUBLIC_URL: url,
      });
      const { headers } = await new HostedClient(program, asked).get("/v2/");
      const [challenge] = parseChallenges([String(headers["www-authenticate"])]);
      expect(challenge?.parameters.get("realm")).toBe(`${origin}/v2/token`);
      expect(challenge?.parameters.get("service")).toBe(asked);
    },
  );

  it.each([
    ["bcrypt as htpasswd writes it", alice],
    ["argon2", bob],
  ])("with a password kept as %s opens the ping, a push and a pull", async (_, login) => {
    const { as } = await openRegistry();
    expect((await as(login).get("/v2/")).status).toBe(200);
    const image = newImage();
    expect((await as(login).push("team/app", "1", image)).status).toBe(201);
    expect((await as(login).get("/v2/team/app/manifests/1")).body).toEqual(image.manifest);
  });

  it("with a wrong password, or as nobody who is known, is 401 and opens nothing", async () => {
    const { program, as } = await openRegistry();
    for (const wrong of [
      ["alice", "CANARY-wrong"],
      ["nobody", "CANARY-alice"],
    ] as const) {
      expect((await as(wrong).get("/v2/")).status).toBe(401);
      expect((await as(wrong).post("/v2/a/blobs/uploads/")).status).toBe(401);
      const token = await tokenOf(program, { login: wrong });
      expect([token.status, messageOf(token)]).toEqual([401, expect.stringContaining("wrong")]);
    }
    expect(program.lines.join("\n")).not.toContain("CANARY");
  });

  it("too often with a wrong password is told to wait, while a right one from before goes on", async () => {
    const { as } = await openRegistry();
    await as(alice).get("/v2/");
    const answers = [];
    for (let count = 0; count < 11; count += 1) {
      answers.push((await as(["alice", "CANARY-wrong"]).get("/v2/")).status);
    }
    expect(answers.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(answers[10]).toBe(429);
    expect((await as(alice).get("/v2/")).status).toBe(200);
  });

  it("by a token opens what was asked for and no more", async () => {
    const { program, as } = await openRegistry();
    const image = newImage();
    await as(alice).push("team/app", "1", image);
    const scope = "repository:team/app:pull";
    const puller = await withToken(program, { login: alice, scope });
    expect((await puller.get("/v2/team/app/manifests/1")).status).toBe(200);
    const refused = await puller.post("/v2/team/app/blobs/uploads/");
    expect(refused.status).toBe(401);
    expect(refused.headers["www-authenticate"]).toContain('error="insufficient_scope"');
    expect(refused.headers["www-authenticate"]).toContain("repository:team/app:pull,push");
    const forged = new HostedClient(program, host, { authorization: "Bearer ept1.e30.x" });
    expect((await forged.get("/v2/team/app/manifests/1")).status).toBe(401);
  });

  it("by a token for one repository mounts nothing of another of theirs", async () => {
    const { program, as } = await openRegistry();
    const { layer, layerDigest } = newImage();
    await as(alice).pushBlob("team/app", layer);
    const scope = "repository:team/other:pull,push";
    const narrow = await withToken(program, { login: alice, scope });
    for (const from of ["", "&from=team/app"]) {
      const path = `/v2/team/other/blobs/uploads/?mount=${layerDigest}${from}`;
      expect((await narrow.post(path)).status).toBe(202);
    }
  });

  it("by a form, as containerd does, gives a token too", async () => {
    const { program } = await openRegistry();
    const form = (password: string) =>
      direct(program, "/v2/token", {
        method: "POST",
        headers: { host, "content-type": "application/x-www-form-urlencoded" },
        body: `grant_type=password&service=${host}&username=alice&password=${password}&scope=repository:a:pull,push`,
      });
    const { token } = JSON.parse((await form(alice[1])).body.toString());
    const client = new HostedClient(program, host, { authorization: `Bearer ${token}` });
    expect((await client.push("a", "1", newImage())).status).toBe(201);
    expect((await form("CANARY-wrong")).status).toBe(401);
  });

  it("of one who is taken out of the file ends at once, tokens too", async () => {
    const { program, htpasswd, as } = await openRegistry();
    await as(alice).push("a", "1", newImage());
    const token = await withToken(program, { login: alice, scope: "repository:a:pull" });
    expect((await token.get("/v2/a/manifests/1")).status).toBe(200);
    await writeFile(htpasswd, `bob:${bcryptOf(bob[1])}\n`);
    await program.reload({});
    expect((await token.get("/v2/a/manifests/1")).status).toBe(401);
    expect((await as(alice).get("/v2/a/manifests/1")).status).toBe(401);
    expect((await as(bob).get("/v2/a/manifests/1")).status).toBe(200);
  });

  it("goes on as before while the file is half written, and takes it up once it is whole", async () => {
    const { program, htpasswd, as } = await openRegistry();
    expect((await as(alice).get("/v2/")).status).toBe(200);
    const whole = `bob:${bcryptOf(bob[1])}\nalice:${bcryptOf("CANARY-new")}\n`;
    await writeFile(htpasswd, whole.slice(0, -20));
    await expect(program.reload({})).rejects.toThrow(/line 2 .*htpasswd -B/);
    expect((await as(alice).get("/v2/")).status).toBe(200);
    await writeFile(htpasswd, whole);
    await program.reload({});
    expect((await as(alice).get("/v2/")).status).toBe(401);
    expect((await as(["alice", "CANARY-new"]).get("/v2/")).status).toBe(200);
  });

  it.each([
    ["alice:$apr1$x$y", "line 2 .*htpasswd -B"],
    ["alice:{SHA}x", "line 2 .*htpasswd -B"],
    ["alice:plain", "line 2 .*htpasswd -B"],
    ["alice", "line 2 is no user:hash"],
  ])("with %s in the file is no start", async (line, sentence) => {
    const scene = await Scene.open();
    const path = join(scene.folder, "htpasswd");
    await writeFile(path, `\n${line}\n`);
    const settings = { HOSTED_HOSTS: host, HOSTED_HTPASSWD: path };
    await expect(scene.start(settings)).rejects.toThrow(new RegExp(sentence));
  });
});

describe("one who did not log in", () => {
  it("pulls where there are no logins, and pushes nothing", async () => {
    const scene = await Scene.open();
    const first = await scene.start({ HOSTED_HOSTS: host, HOSTED_ANONYMOUS_PUSH: "true" });
    await new HostedClient(first, host).push("a", "1", newImage());
    await first.stop();
    const client = new HostedClient(await scene.start({ HOSTED_HOSTS: host }), host);
    expect((await client.get("/v2/")).status).toBe(200);
    expect((await client.get("/v2/a/manifests/1")).status).toBe(200);
    const refused = await client.post("/v2/a/blobs/uploads/");
    expect([refused.status, codeOf(refused)]).toEqual([403, "DENIED"]);
    expect(messageOf(refused)).toContain("HOSTED_HTPASSWD");
  });

  it("pulls with a token for nobody where HOSTED_ANONYMOUS_PUSH or PULL says so beside logins", async () => {
    const { program, as, nobody } = await openRegistry({ HOSTED_ANONYMOUS_PULL: "true" });
    await as(alice).push("a", "1", newImage());
    expect((await nobody.get("/v2/")).status).toBe(401);
    const token = await withToken(program, { scope: "repository:a:pull,push" });
    expect((await token.get("/v2/a/manifests/1")).status).toBe(200);
    expect((await nobody.get("/v2/a/manifests/1")).status).toBe(200);
    expect((await token.post("/v2/a/blobs/uploads/")).status).toBe(401);
  });

  it("learns nothing of what is there", async () => {
    const { as, nobody } = await openRegistry();
    await as(alice).push("a", "1", newImage());
    const answers = await Promise.all(
      ["/v2/a/manifests/1", "/v2/none/manifests/1", "/v2/a/tags/list", "/v2/none/tags/list"].map(
        async (path) => (await nobody.get(path)).status,
      ),
    );
    expect(answers).toEqual([401, 401, 401, 401]);
    expect((await nobody.get("/v2/_catalog")).status).toBe(401);
  });
});

describe("HOSTED_RULES", () => {
  const rules = JSON.stringify([
    { who: ["alice"], repositories: ["team/**"], actions: ["pull", "push", "delete"] },
    { who: ["bob"], repositories: ["public/*"], actions: ["pull"] },
    { repositories: ["team/**"], immutable: ["v*"], quota: "10 kB" },
  ]);

  it("let everybody do what is theirs, and what is not theirs is as if it were not there", async () => {
    const { as } = await openRegistry({ HOSTED_RULES: rules });
    await as(alice).push("team/app", "1", newImage());
    const theirs = await as(bob).get("/v2/team/app/manifests/1");
    const none = await as(bob).get("/v2/public/none/manifests/1");
    expect([theirs.status, theirs.body]).toEqual([404, none.body]);
    expect((await as(bob).get("/v2/_catalog")).body.toString()).toBe('{"repositories":[]}');
    const refused = await as(bob).post("/v2/public/app/blobs/uploads/");
    expect([refused.status, messageOf(refused)]).toEqual([403, "bob may not push to public/app"]);
  });

  it("a layer of a repository that is not theirs is not mounted, named or not", async () => {
    const { as } = await openRegistry({
      HOSTED_RULES: JSON.stringify([
        { who: ["alice"], repositories: ["team/**"], actions: ["pull", "push"] },
        { who: ["bob"], repositories: ["bob/**"], actions: ["pull", "push"] },
      ]),
    });
    const { layer, layerDigest } = newImage();
    await as(alice).pushBlob("team/app", layer);
    for (const from of ["", "&from=team/app"]) {
      const mount = await as(bob).post(`/v2/bob/app/blobs/uploads/?mount=${layerDigest}${from}`);
      expect(mount.status).toBe(202);
    }
    const own = await as(alice).post(`/v2/team/two/blobs/uploads/?mount=${layerDigest}`);
    expect(own.status).toBe(201);
  });

  it("an immutable tag is neither overwritten nor deleted, and the refusal names it", async () => {
    const { as } = await openRegistry({ HOSTED_RULES: rules });
    const client = as(alice);
    const image = newImage();
    await client.push("team/app", "v1", image);
    expect((await client.push("team/app", "v1", image)).status).toBe(201);
    const other = await client.push("team/app", "v1", newImage());
    expect([other.status, codeOf(other)]).toEqual([403, "DENIED"]);
    expect(messageOf(other)).toContain("the tag v1 of team/app is immutable");
    for (const reference of ["v1", image.digest]) {
      expect((await client.delete(`/v2/team/app/manifests/${reference}`)).status).toBe(403);
    }
    expect((await client.get("/v2/team/app/manifests/v1")).body).toEqual(image.manifest);
    expect((await client.push("team/app", "latest", newImage())).status).toBe(201);
  });

  it("a quota refuses with 403 what does not fit, and keeps what did", async () => {
    const { as } = await openRegistry({ HOSTED_RULES: rules });
    const client = as(alice);
    const image = newImage();
    await client.push("team/app", "1", image);
    const large = await client.pushBlob("team/two", Buffer.alloc(20_000));
    expect([large.status, messageOf(large)]).toEqual([403, expect.stringContaining("quota")]);
    expect((await client.get("/v2/team/app/manifests/1")).body).toEqual(image.manifest);
    expect((await client.pushBlob("team/two", Buffer.alloc(2_000))).status).toBe(201);
  });
});

describe("a rule with blob_size", () => {
  it("refuses a larger blob with 403 that says how large one may be, uploaded or mounted", async () => {
    const { as } = await openRegistry({
      HOSTED_RULES: JSON.stringify([{ repositories: ["small/**"], blob_size: "10 kB" }]),
    });
    const client = as(alice);
    const [large, fitting] = [Buffer.alloc(20_000), Buffer.alloc(10_000)];
    const refused = await client.pushBlob("small/app", large);
    expect([refused.status, codeOf(refused)]).toEqual([403, "DENIED"]);
    expect(messageOf(refused)).toBe("a blob of small/app has at most 10000 bytes");
    expect((await client.pushBlob("large/app", large)).status).toBe(201);
    const mount = `/v2/small/app/blobs/uploads/?mount=${digestOf(large)}&from=large/app`;
    expect((await client.post(mount)).status).toBe(202);
    expect((await client.pushBlob("small/app", fitting)).status).toBe(201);
  });
});

describe("HOSTED_READ_ONLY", () => {
  it("is taken up while running, refuses every change with 405, and pulls go on", async () => {
    const { program, as } = await openRegistry();
    const image = newImage();
    await as(alice).push("a", "1", image);
    await program.reload({ HOSTED_READ_ONLY: "true" });
    const refused = await as(alice).post("/v2/a/blobs/uploads/");
    expect([refused.status, codeOf(refused)]).toEqual([405, "UNSUPPORTED"]);
    expect(messageOf(refused)).toContain("HOSTED_READ_ONLY");
    expect((await as(alice).delete("/v2/a/manifests/1")).status).toBe(405);
    expect((await as(alice).get("/v2/a/manifests/1")).body).toEqual(image.manifest);
    await program.reload({});
    expect((await as(alice).delete("/v2/a/manifests/1")).status).toBe(202);
  });
});

describe("an upload", () => {
  const empty = { "content-length": "0" };

  it("is nobody's but of who began it, in the repository where it began", async () => {
    const { as } = await openRegistry();
    const begun = await as(alice).post("/v2/team/app/blobs/uploads/");
    const path = String(begun.headers.location);
    expect((await as(alice).get(path)).status).toBe(204);
    expect((await as(bob).get(path)).status).toBe(404);
    const moved = path.replace("team/app", "team/two");
    expect((await as(alice).get(moved)).status).toBe(404);
    const patched = await as(bob).ask(path, { method: "PATCH", body: "x" });
    expect(patched.status).toBe(404);
  });

  it("is gone on with after a clean restart, and hashed from its first byte", async () => {
    const { scene, program, htpasswd, as } = await openRegistry();
    const { layer, layerDigest } = newImage();
    const begun = await as(alice).post("/v2/a/blobs/uploads/");
    const path = String(begun.headers.location);
    await as(alice).ask(path, { method: "PATCH", body: layer.subarray(0, 600) });
    await program.stop();
    const again = await scene.start({ HOSTED_HOSTS: host, HOSTED_HTPASSWD: htpasswd });
    const client = new HostedClient(again, host, { authorization: basic(alice) });
    expect((await client.get(path)).headers.range).toBe("0-599");
    const range = { "content-range": "600-999" };
    await client.ask(path, { method: "PATCH", headers: range, body: layer.subarray(600) });
    const done = await client.ask(`${path}?digest=${layerDigest}`, {
      method: "PUT",
      headers: empty,
    });
    expect(done.status).toBe(201);
    expect((await client.get(`/v2/a/blobs/${layerDigest}`)).body).toEqual(layer);
  });

  it("that nobody has used for a day is over", async () => {
    const { scene, program, htpasswd, as } = await openRegistry();
    const path = String((await as(alice).post("/v2/a/blobs/uploads/")).headers.location);
    await program.stop();
    scene.aheadMs = 25 * 3_600_000;
    const again = await scene.start({ HOSTED_HOSTS: host, HOSTED_HTPASSWD: htpasswd });
    const client = new HostedClient(again, host, { authorization: basic(alice) });
    expect((await client.get(path)).status).toBe(404);
  });
});
