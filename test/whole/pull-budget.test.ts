/** A registry that counts pulls, as Docker Hub does: seen by the operator, and spared in time. */
import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { withHeaders } from "../support/fake-registry/fault.ts";
import { direct, viaProxy } from "./support/client.ts";
import { addImage, manifestType } from "./support/image.ts";
import { Scene } from "./support/program.ts";

it("is asked less often, long before it says 429, and `/readyz` and the log say why", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  addImage(server, "team/app");
  const program = await scene.start({ REGISTRIES: name, TAG_TTL: "10 s" });
  const pull = async (): Promise<void> => {
    const headers = { accept: manifestType };
    const answer = await direct(program, `/v2/${name}/team/app/manifests/1`, { headers });
    expect([answer.status, answer.headers.warning]).toEqual([200, undefined]);
  };
  const left = (remaining: number): void =>
    server.misbehave(
      { path: /manifests/ },
      withHeaders({
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": `${remaining};w=21600`,
      }),
    );
  /** Questions about the tag while it is pulled every ten seconds for ten minutes. */
  const asked = async (): Promise<number> => {
    // From here on the registry has said how much is left.
    scene.aheadMs += 3_600_000;
    await pull();
    const before = server.count({ path: /manifests\/1$/ });
    for (let second = 0; second < 600; second += 11) {
      scene.aheadMs += 11_000;
      await pull();
    }
    return server.count({ path: /manifests\/1$/ }) - before;
  };
  left(90);
  const plenty = await asked();
  left(15);
  const little = await asked();
  left(3);
  const hardlyAny = await asked();
  expect(plenty).toBeGreaterThan(50);
  expect(little).toBeLessThanOrEqual(11);
  expect(hardlyAny).toBeLessThanOrEqual(3);
  const { budgets } = JSON.parse((await direct(program, "/readyz")).body.toString());
  expect(budgets).toEqual([{ registry: name, limit: 100, remaining: 3 }]);
  const told = () =>
    program.lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg.includes("pulls a registry allows decides"))
      .map(({ level, remaining, factor }) => [level, remaining, factor]);
  await eventually(() => {
    expect(told()).toEqual([
      ["warn", 15, 6],
      ["warn", 3, 30],
    ]);
  });
}, 60_000);

it("tells clients what is left for them, on hits too, and never whose account or address that is", async () => {
  const scene = await Scene.open();
  const { name, server } = await scene.registry("registry.test");
  addImage(server, "team/app");
  const program = await scene.start({ REGISTRIES: name });
  server.misbehave(
    { path: /manifests/ },
    withHeaders({
      "ratelimit-limit": "100;w=21600",
      "ratelimit-remaining": "76;w=21600",
      "docker-ratelimit-source": "192.0.2.7",
    }),
  );
  const headers = { accept: manifestType };
  const path = "team/app/manifests/1";
  const answers = [
    // As Docker's own recipe for seeing the limit asks, twice within the tag's time to live.
    await viaProxy(program, name, `/v2/${path}`, { headers, method: "HEAD" }),
    await viaProxy(program, name, `/v2/${path}`, { headers, method: "HEAD" }),
    await direct(program, `/v2/${name}/${path}`, { headers }),
    await viaProxy(program, name, "/v2/team/none/manifests/1", { headers }),
  ];
  for (const { headers: fields } of answers) {
    const { "ratelimit-limit": limit, "ratelimit-remaining": remaining } = fields;
    expect([limit, remaining]).toEqual(["100;w=21600", "76;w=21600"]);
    expect(fields["docker-ratelimit-source"]).toBeUndefined();
  }
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404]);
});
