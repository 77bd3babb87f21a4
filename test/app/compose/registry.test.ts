import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { composedOver } from "./composed.ts";

describe("the engine", () => {
  it("answers a pull from upstream, then from the store, a line in the log for each", async () => {
    const { engine, registry, lines } = await composedOver();
    const bytes = Buffer.from("a small layer");
    const digest = registry.addBlob(bytes);
    const server = createServer((request, response) => {
      void engine.handle(request, response, {
        registry: registry.registry,
        door: "mirror",
        target: request.url ?? "",
        client: "127.0.0.1",
        view: { repositoryPrefix: "", namespace: undefined },
        isOpen: true,
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/v2/team/app/blobs/${digest}`;
    for (const expected of ["fwd=miss; stored", "entrepot; "]) {
      const answer = await fetch(url);
      expect(await answer.text()).toBe(bytes.toString());
      expect(answer.headers.get("cache-status")).toContain(expected);
    }
    expect(
      registry.requests.filter((seen) => seen.method === "GET" && seen.url.includes("blobs")),
    ).toHaveLength(1);
    // A line is written once its answer has left.
    await eventually(() => lines.filter((line) => line.includes('"msg":"request"')).length === 2);
  });
});
