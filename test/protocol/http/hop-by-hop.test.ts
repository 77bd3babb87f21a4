import { describe, expect, it } from "vitest";
import { endToEnd, headerList } from "../../../src/protocol/http/header-list.ts";

describe("end-to-end fields", () => {
  it("leave out what belongs to one connection", () => {
    const headers = headerList({
      connection: "keep-alive",
      "keep-alive": "timeout=5",
      "proxy-authenticate": "Basic",
      "proxy-authorization": "Basic CANARY-proxy",
      "proxy-connection": "keep-alive",
      te: "trailers",
      trailer: "Expires",
      "transfer-encoding": "chunked",
      upgrade: "websocket",
      accept: "*/*",
    });
    expect([...endToEnd(headers).keys()]).toEqual(["accept"]);
  });

  it("leave out what Connection names, on any of its lines, in any case", () => {
    const headers = headerList({
      connection: ["close, X-Secret", " x-other ,"],
      "x-secret": "1",
      "x-other": "2",
      "x-kept": "3",
    });
    expect([...endToEnd(headers)]).toEqual([["x-kept", ["3"]]]);
  });

  it("keep duplicates in order", () => {
    const headers = headerList({ link: ["<a>", "<b>"], warning: ["1", "2"] });
    expect([...endToEnd(headers)]).toEqual([
      ["link", ["<a>", "<b>"]],
      ["warning", ["1", "2"]],
    ]);
  });
});
