/** In whose name it is remembered what is known of a repository: a flood of names pushes out its own. */
import { expect, it, vi } from "vitest";
import { CachedRecords } from "../../../src/cache/cached-records.ts";
import type { Access } from "../../../src/upstream/registry-client.ts";
import { House, statusOf } from "../support/house.ts";
import { respond } from "../support/registries.ts";

it("what a pull of a blob looks up takes the room of who asks", async () => {
  const house = new House();
  house.upstream.fault("evil.example", (request) => respond(request, 404));
  const get = vi.spyOn(CachedRecords.prototype, "get");
  const access: Access = { kind: "anonymous", from: "10.0.0.66" };
  await statusOf(house.blob(`evil.example/a/b@sha256:${"a".repeat(64)}`, { access }));
  const [looked] = get.mock.calls;
  get.mockRestore();
  await house.close();
  expect(looked).toEqual([expect.stringContaining("evil.example/a/b"), "10.0.0.66"]);
});
