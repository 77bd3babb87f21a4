import { expect, it } from "vitest";
import { isRedirect, isRefusal, isUnavailable } from "../../../src/protocol/http/status.ts";

const every = Array.from({ length: 500 }, (_, index) => 100 + index);

it("401 and 403 refuse, nothing else does", () => {
  expect(every.filter(isRefusal)).toEqual([401, 403]);
});

it("five of the 3xx lead elsewhere", () => {
  expect(every.filter(isRedirect)).toEqual([301, 302, 303, 307, 308]);
});

it("408, 425, 429 and 5xx cannot say now; 501 to a HEAD is about the method", () => {
  expect(every.filter((status) => isUnavailable(status))).toEqual([
    408,
    425,
    429,
    ...every.slice(400),
  ]);
  expect(isUnavailable(501, "HEAD")).toBe(false);
  expect([503, 429].every((status) => isUnavailable(status, "HEAD"))).toBe(true);
});
