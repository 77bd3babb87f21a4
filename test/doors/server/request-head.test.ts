import { describe, expect, it } from "vitest";
import { framingProblem } from "../../../src/doors/server/request-head.ts";

type RequestHead = Parameters<typeof framingProblem>[0];

function fault(changes: Partial<RequestHead>): string | undefined {
  return framingProblem({
    method: "GET",
    url: "/v2/",
    httpVersion: "1.1",
    rawHeaders: ["Host", "a.example"],
    ...changes,
  })?.sentence;
}

const host = ["Host", "a.example"];

describe("a request is sound", () => {
  it.each<[string, Partial<RequestHead>]>([
    ["as clients send it", {}],
    ["of HTTP/1.0 without Host", { httpVersion: "1.0", rawHeaders: [] }],
    ["in absolute form", { url: "http://a.example/v2/?n=1&last=%2f" }],
    ["with Content-Length: 0 on GET", { rawHeaders: [...host, "Content-Length", "0"] }],
    ["of 8 KiB of target", { url: `/${"a".repeat(8191)}` }],
    ["chunked", { method: "PATCH", rawHeaders: [...host, "transfer-encoding", "Chunked"] }],
    ["with a length", { method: "PUT", rawHeaders: [...host, "content-length", "5"] }],
    ["of 100 fields", { rawHeaders: [...host, ...Array(99).fill(["x", "y"]).flat()] }],
  ])("%s", (_, changes) => {
    expect(fault(changes)).toBeUndefined();
  });
});

describe("a request is refused", () => {
  it.each<[string, Partial<RequestHead>, RegExp]>([
    ["with two Host fields", { rawHeaders: [...host, ...host] }, /more than one Host/],
    ["with no Host field", { rawHeaders: [] }, /no Host/],
    ["with a body on GET", { rawHeaders: [...host, "Content-Length", "3"] }, /GET .* body/],
    ["with a chunked GET", { rawHeaders: [...host, "Transfer-Encoding", "chunked"] }, /GET/],
    [
      "with a body on HEAD",
      { method: "HEAD", rawHeaders: [...host, "content-length", "1"] },
      /HEAD/,
    ],
    [
      "with a body on DELETE",
      { method: "DELETE", rawHeaders: [...host, "content-length", "1"] },
      /DELETE/,
    ],
    ...["identity, chunked", "gzip", "xchunked", "chunked, chunked", "", "chunked;a=b"].map(
      (coding): [string, Partial<RequestHead>, RegExp] => [
        `with Transfer-Encoding: ${coding}`,
        { method: "PUT", rawHeaders: [...host, "Transfer-Encoding", coding] },
        /other than chunked/,
      ],
    ),
    [
      "with two Transfer-Encoding fields",
      {
        method: "PUT",
        rawHeaders: [...host, "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"],
      },
      /other than chunked/,
    ],
    [
      "with Transfer-Encoding on HTTP/1.0",
      { method: "PUT", httpVersion: "1.0", rawHeaders: ["Transfer-Encoding", "chunked"] },
      /HTTP\/1\.1/,
    ],
    [
      "with both framings",
      {
        method: "PUT",
        rawHeaders: [...host, "Content-Length", "5", "Transfer-Encoding", "chunked"],
      },
      /both/,
    ],
    [
      "with two lengths",
      { method: "PUT", rawHeaders: [...host, "Content-Length", "5", "content-length", "5"] },
      /more than one Content-Length/,
    ],
    ["with length +1", { method: "PUT", rawHeaders: [...host, "Content-Length", "+1"] }, /number/],
    ["with length 5, 5", { method: "PUT", rawHeaders: [...host, "Content-Length", "5, 5"] }, /num/],
    ["with a target over 8 KiB", { url: `/${"a".repeat(8192)}` }, /8 KiB/],
    ["with a fragment", { url: "/v2/#x" }, /not allowed/],
    ["with a NUL in its target", { url: "/v2/\0" }, /not allowed/],
    ["with a letter beyond ASCII in its target", { url: "/v2/ä" }, /not allowed/],
    ["of HTTP/2.0", { httpVersion: "2.0" }, /not 2\.0/],
    ["of HTTP/0.9", { httpVersion: "0.9", rawHeaders: [] }, /not 0\.9/],
    ["without a target", { url: "" }, /not allowed/],
    ["with 101 fields", { rawHeaders: [...host, ...Array(100).fill(["x", "y"]).flat()] }, /100/],
  ])("%s", (_, changes, reason) => {
    expect(fault(changes)).toMatch(reason);
  });
});
