import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAuthority } from "../../support/certificates.ts";
import { Guide } from "../support/guide.ts";
import { Journey } from "../support/journey.ts";
import { canBoot, type Machine } from "../support/machine.ts";
import { guideHosts } from "../support/upstream/look-alikes.ts";

const env = "/etc/entrepot/entrepot.env";
const dropIn = "/etc/systemd/system/entrepot.service.d/tls.conf";
/** The played registries have ports of other addresses. */
const host = guideHosts["mirror.example.com"];
const here = (port: number): string => `[Socket]\nListenStream=\nListenStream=${host}:${port}\n`;
const places = {
  "/etc/systemd/system/entrepot.socket.d/here.conf": here(3128),
  "/etc/systemd/system/entrepot-tls.socket.d/here.conf": here(443),
};
const isReady = `until HOST=${host} entrepot health; do
  systemctl is-active --quiet entrepot || { journalctl -u entrepot -o cat | tail -n 5; exit 1; }
done`;

describe.skipIf(!canBoot())("service.md", () => {
  let journey: Journey;
  let guide: Guide;
  let machine: Machine;
  beforeAll(async () => {
    guide = await Guide.open("service.md");
    journey = await Journey.begin();
    machine = await journey.machine({ [env]: `HOST=${host}\n`, ...places });
  });
  afterAll(() => journey?.end());

  it("installs, starts and shows what it says", async () => {
    await machine.must(guide.take("npm run prestart\n"));
    await machine.must(isReady);
    const shown = await machine.must(`export HOST=${host}\n${guide.take("journalctl")}`);
    expect(shown.stdout).toContain("Entrepot listens");
    expect(shown.stdout).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
    const owner = await machine.must("ps -o user= -p $(systemctl show -P MainPID entrepot)");
    expect(owner.stdout.trim()).toBe("entrepot");
  });

  it("takes the settings of a file that is root's alone, and keeps its CA", async () => {
    const fingerprint = "DATA_DIR=/var/lib/entrepot entrepot ca fingerprint";
    const before = await machine.must(fingerprint);
    await machine.must(
      `(umask 077; cat > ${env} <<'END'\n${guide.file(env)}\nHOST=${host}\nEND\n)`,
    );
    await machine.must(guide.take("systemctl restart entrepot"));
    await machine.must(isReady);
    const { stdout } = await machine.must("journalctl -u entrepot -o cat | tail -n 6");
    expect(stdout).toMatch(/^[0-9:.]+ listening /m);
    expect((await machine.must(fingerprint)).stdout).toBe(before.stdout);
  });

  it("answers on port 443 with a certificate whose key is root's alone", async () => {
    const authority = makeAuthority("Company authority");
    const { cert, key } = authority.issue(["mirror.corp.example"]);
    await machine.must(`umask 077; cd /etc/entrepot; mkdir -p ${dropIn.replace(/[^/]+$/, "")}
      cat > cert.pem <<'END'\n${cert}\nEND
      cat > key.pem <<'END'\n${key}\nEND
      cat > ca.pem <<'END'\n${authority.ca}\nEND
      cat > ${dropIn} <<'END'\n${guide.file(dropIn)}\nEND`);
    await machine.must(guide.take("entrepot-tls.socket"));
    await machine.must(isReady);
    const at = `--resolve mirror.corp.example:443:${host} --cacert /etc/entrepot/ca.pem`;
    await machine.must(`curl -fsS ${at} https://mirror.corp.example/healthz`);
  });

  it("has no other command", () => {
    expect(guide.left()).toEqual([]);
  });
});
