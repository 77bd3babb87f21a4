import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { type Acme, certificateAt, startAcme } from "../support/acme.ts";
import { type Entrepot, runEntrepot } from "../support/entrepot.ts";
import { Guide } from "../support/guide.ts";
import { hasProgram, hubLogin, Journey } from "../support/journey.ts";
import { canBoot, type Machine } from "../support/machine.ts";
import { guideHosts } from "../support/upstream/look-alikes.ts";

const address = guideHosts["hub.example.com"];
const forget = "docker images --quiet | sort -u | xargs --no-run-if-empty docker rmi --force";

describe.skipIf(!canBoot() || !hasProgram("pebble"))("traefik-style.md", () => {
  let journey: Journey;
  let guide: Guide;
  let entrepot: Entrepot;
  let machine: Machine;
  let acme: Acme;
  beforeAll(async () => {
    guide = await Guide.open("traefik-style.md");
    journey = await Journey.begin();
    const started = await startAcme(join(journey.folder, "acme"), { httpPort: 80, address });
    journey.atEnd(started.end);
    acme = started.acme;
    entrepot = await journey.entrepot({
      ...guide.settings("MIRROR_HOSTS="),
      ...guide.settings("ACME_CA="),
      ACME_DIRECTORY: acme.directory,
      ACME_CA: acme.settings.ACME_CA ?? "",
      AUTH_REGISTRIES: hubLogin,
      HOST: address,
      PORT: String(await freePort()),
    });
    await eventually(async () => /pebble/i.test((await shownIssuer()) ?? ""), { withinMs: 60_000 });
    machine = await journey.machine({
      "/usr/local/share/ca-certificates/acme.crt": await acme.root(),
    });
    await machine.must("systemctl start docker containerd");
  });
  afterAll(() => journey?.end());

  async function shownIssuer(): Promise<string> {
    const { issuer } = await certificateAt(443, "hub.example.com", address);
    return issuer;
  }

  async function pullsFromDisk(pull: string): Promise<void> {
    const { ledger } = journey.upstream;
    await machine.must(`${pull}; ${forget}`);
    ledger.clear();
    await machine.must(`${pull}; ${forget}`);
    expect(ledger.contentGets(), pull).toEqual([]);
  }

  it("each name stands for its registry, with the login of that registry", async () => {
    for (const pull of guide.take("docker pull ghcr").split("\n")) await pullsFromDisk(pull);
    await pullsFromDisk("docker pull quay.example.com/acme/thing:1");
    await pullsFromDisk("docker pull hub.example.com/acme/private:1");
  });

  it("dockerd takes a name as its mirror, containerd as a host of its registry", async () => {
    const mirror = '{"registry-mirrors": ["https://hub.example.com"]}';
    await machine.must(`echo '${mirror}' >/etc/docker/daemon.json; systemctl restart docker`);
    await pullsFromDisk("docker pull alpine:3.20");
    const folder = "/etc/containerd/certs.d/ghcr.io";
    await machine.must(`mkdir -p ${folder}; cat >${folder}/hosts.toml <<'END'
[host."https://ghcr.example.com"]
  capabilities = ["pull", "resolve"]
END`);
    journey.upstream.ledger.clear();
    await machine.must(
      "ctr images pull --snapshotter native --hosts-dir /etc/containerd/certs.d ghcr.io/owner/app:1",
    );
    expect(journey.upstream.ledger.contentGets()).toEqual([]);
  });

  it("dns-01: its settings make sense", async () => {
    const folder = await mkdtemp(join(journey.folder, "dns-01-"));
    const CLOUDFLARE_API_TOKEN_FILE = join(folder, "cloudflare-token");
    await writeFile(CLOUDFLARE_API_TOKEN_FILE, "CANARY-token");
    const settings = {
      ...guide.settings("MIRROR_HOSTS="),
      ...guide.settings("ACME_CHALLENGE="),
      CLOUDFLARE_API_TOKEN_FILE,
    };
    const checked = await runEntrepot(folder, settings, ["config", "check"]);
    expect(checked.code, checked.output).toBe(0);
  });

  it("only for clients with a certificate: its settings make sense", async () => {
    const settings = {
      ...{ TLS_PORT: "443", MIRROR_HOSTS: "hub.example.com=docker.io" },
      ...guide.settings("TLS_CLIENT_CA="),
      TLS_CLIENT_CA: journey.upstreamCa,
    };
    const folder = await mkdtemp(join(journey.folder, "certificates-"));
    const checked = await runEntrepot(folder, settings, ["config", "check"]);
    expect(checked.code, checked.output).toBe(0);
  });

  it("has no other command", () => {
    // Entrepot calls this one: see the journey of real certificates.
    guide.take("dns-hook set");
    expect(entrepot.lines.filter((line) => line.includes("CANARY"))).toEqual([]);
    expect(guide.left()).toEqual([]);
  });
});
