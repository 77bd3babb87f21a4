import { describe, expect, it } from "vitest";
import { parseRoute } from "../../src/protocol/route.ts";
import { findHandler, type Handlers } from "../../src/registry/router.ts";

const digest = `sha256:${"ab".repeat(32)}`;
const named = (name: string) =>
  Object.assign(async () => Promise.reject(new Error(name)), { called: name });
const handlers = {
  ping: named("ping"),
  pullBlob: named("pullBlob"),
  pullManifest: named("pullManifest"),
  pullList: named("pullList"),
  pushUpload: named("pushUpload"),
  pushManifest: named("pushManifest"),
  pass: named("pass"),
} satisfies Handlers;

function outcome(method: string, path: string, isPushAllowed = true): string {
  try {
    const handler = findHandler(parseRoute(method, path), method, handlers, isPushAllowed);
    return Object.values(handlers).find((one) => one === handler)?.called ?? "?";
  } catch (error) {
    return String((error as { status?: number }).status);
  }
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/** Every method on every kind of path: the handler, or the status. */
const table: Record<string, string> = {
  "/v2/": "ping ping 405 405 405 405 pass 405",
  "/v2/_catalog": "pullList pullList 405 405 405 405 pass 405",
  "/v2/a/tags/list": "pullList pullList 405 405 405 405 pass 405",
  [`/v2/a/referrers/${digest}`]: "pullList pullList 405 405 405 405 pass 405",
  [`/v2/a/blobs/${digest}`]: "pullBlob pullBlob 405 405 405 pushUpload pass 405",
  "/v2/a/manifests/v1": "pullManifest pullManifest 405 pushManifest 405 pushManifest pass 405",
  "/v2/a/blobs/uploads/": "405 405 pushUpload 405 405 405 pass 405",
  "/v2/a/blobs/uploads/1":
    "pushUpload pushUpload pushUpload pushUpload pushUpload pushUpload pass 405",
  "/v2/x/y/z": "pullList pullList pushUpload pushUpload pushUpload pushUpload pass 405",
  "/v2/A/manifests/v1": "400 400 400 400 400 400 400 400",
  [`/extensions/v2/a/signatures/${digest}`]: "pass pass 405 pass 405 pass pass 405",
  "/page": "pass pass pass pass pass pass pass pass",
};

describe("the route table", () => {
  it.each(Object.entries(table))("%s", (path, expected) => {
    expect(methods.map((method) => outcome(method, path)).join(" ")).toBe(expected);
  });

  it("refuses everything that writes when pushing is turned off, naming the setting", () => {
    for (const [path, expected] of Object.entries(table)) {
      if (expected.startsWith("400")) continue;
      const off = methods.map((method) => outcome(method, path, false));
      const isReading = (at: number) => ["GET", "HEAD", "OPTIONS"].includes(methods[at] ?? "");
      expect(off).toEqual(expected.split(" ").map((on, at) => (isReading(at) ? on : "405")));
    }
    const route = parseRoute("PUT", "/v2/a/manifests/v1");
    expect(() => findHandler(route, "PUT", handlers, false)).toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED",
        message: expect.stringContaining("ALLOW_PUSH"),
      }),
    );
  });

  it("says which methods there are", () => {
    const route = parseRoute("POST", "/v2/a/manifests/v1");
    try {
      findHandler(route, "POST", handlers, true);
    } catch (error) {
      expect(error).toMatchObject({ headers: new Map([["allow", ["GET, HEAD, PUT, DELETE"]]]) });
    }
    expect.assertions(1);
  });
});
