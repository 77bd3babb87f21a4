import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startSkopeo } from "../support/clients/containers-tools.ts";
import { runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, Journey, mustSucceed } from "../support/journey.ts";
import { runWell } from "../support/program.ts";

describe.skipIf(!hasProgram("skopeo"))("docker-registry-proxy.md", () => {
  let journey: Journey;
  let guide: Guide;
  beforeAll(async () => {
    guide = await Guide.open("docker-registry-proxy.md");
    journey = await Journey.begin();
  });
  afterAll(() => journey?.end());

  it("the env file starts Entrepot with the CA that clients trust already", async () => {
    const folder = join(journey.folder, "ca");
    await mkdir(folder, { recursive: true });
    const at = { CA_CERT: join(folder, "ca.crt"), CA_KEY: join(folder, "ca.key") };
    const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
    openssl("genrsa", "-des3", "-passout", "pass:foobar", "-out", at.CA_KEY, "2048");
    const made = ["-key", at.CA_KEY, "-passin", "pass:foobar", "-out", at.CA_CERT];
    openssl("req", "-new", "-x509", "-days", "1300", "-subj", "/O=ME/CN=ca", ...made);
    const env = { ...guide.settings("CA_KEY=/ca/ca.key"), ...at };
    const entrepot = await journey.entrepot({ ...env, ENABLE_MANIFEST_CACHE: "true" });
    const skopeo = await journey.client(startSkopeo, at.CA_CERT, entrepot.proxy);
    mustSucceed(await skopeo.pull("quay.io/acme/thing:1"));
    const isTold = (line: string) =>
      line.includes('"warn"') && line.includes("ENABLE_MANIFEST_CACHE has no effect here");
    await eventually(() => entrepot.lines.some(isTold));
    const recipe = guide
      .take("containerd.service/g \\| bash")
      .replaceAll("\\|", "|")
      .replace("…", entrepot.proxy)
      .replace(/bash$/, "bash -s -- --print");
    const { stdout } = await runWell("bash", ["-c", recipe]);
    expect(stdout).toContain("/etc/systemd/system/containerd.service.d/proxy-entrepot.conf");
  });

  it("the rules for tags are understood", async () => {
    const CONFIG_FILE = join(journey.folder, "entrepot.yaml");
    await writeFile(CONFIG_FILE, guide.take("tag_ttl: 1 h"));
    const checked = await runEntrepot(journey.folder, { CONFIG_FILE }, ["config", "check"]);
    expect(checked.output).toContain("The settings are fine.");
  });

  it("VERIFY_SSL=false is refused with what to write instead", async () => {
    const refused = await runEntrepot(journey.folder, { VERIFY_SSL: "false" });
    expect(refused.code).toBe(78);
    expect(refused.output).toContain("registry.lan:5000=false");
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
