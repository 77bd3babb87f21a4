/** A token of ours, sent to a registry's token service as if it were a login there. */
import { expect, it } from "vitest";
import { viaProxy } from "./support/client.ts";
import { evilServer } from "./support/evil-server.ts";
import { basic } from "./support/login.ts";
import { Scene } from "./support/program.ts";

const token = "ept1.CANARY-claims.signature";

const post = (fields: Record<string, string>, authorization?: string) => ({
  path: "/token",
  method: "POST",
  headers: {
    "content-type": "application/x-www-form-urlencoded",
    ...(authorization === undefined ? {} : { authorization }),
  },
  body: new URLSearchParams({ service: "s", ...fields }).toString(),
});

it.each([
  ["as a form's password", post({ grant_type: "password", username: "x", password: token })],
  ["as a form's refresh token", post({ grant_type: "refresh_token", refresh_token: token })],
  ["in a form beside a login", post({ refresh_token: token }, basic(["alice", "CANARY-alice"]))],
  ["in the query", { path: `/token?service=other&access_token=${token}` }],
] as const)("a token of ours %s goes to no token service", async (_where, { path, ...how }) => {
  const scene = await Scene.open();
  const reg = await evilServer(scene, "reg.test");
  const realm = `https://${reg.name}/token`;
  const challenge = { "www-authenticate": `Bearer realm="${realm}",service="s"` };
  reg.answer = ({ url }, response) =>
    void response.writeHead(401, url?.startsWith("/token") === true ? {} : challenge).end();
  try {
    const program = await scene.start({ REGISTRIES: reg.name });
    await viaProxy(program, reg.name, "/v2/");
    const answer = await viaProxy(program, reg.name, path, how);
    expect(reg.heard.filter((one) => one.includes("ept1."))).toEqual([]);
    expect(answer.status).toBe(401);
    expect(answer.body.toString()).toContain("opens no token service");
  } finally {
    await scene.close();
    reg.close();
  }
});
