import { expect, it } from "vitest";
import { setupDocker } from "../../../src/doors/front-page/setup-docker.ts";
import { facts, image, itIsASetupScript, read, shell, trustStore } from "./script-runner.ts";

itIsASetupScript(setupDocker);

it("docker: the drop-in with the proxy, and the CA in the trust store", async () => {
  const folder = await image();
  await shell(folder, setupDocker);
  const drop = "etc/systemd/system/docker.service.d/proxy-entrepot.conf";
  expect(await read(folder, drop)).toContain('Environment="HTTPS_PROXY=http://cache.lan:3128"');
  expect(await read(folder, drop)).toMatch(/NO_PROXY=localhost,127\.0\.0\.0\/8,::1/);
  expect(await read(folder, `${trustStore}/entrepot.crt`)).toBe(facts.root);
});
