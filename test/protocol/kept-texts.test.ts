/** Short texts that are cut out of long ones and kept do not keep those with them. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { parseAbsolute, splitTarget } from "../../src/protocol/http/target.ts";
import { shortMediaType } from "../../src/protocol/media-type.ts";
import { canonicalRegistry } from "../../src/protocol/registry-name.ts";
import { parseRoute } from "../../src/protocol/route.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const long = 60_000;
const many = 500;

/** Bytes that are still taken when only the outcomes are kept. */
function takenBy(keep: (index: number, padding: string) => unknown): number {
  const kept: unknown[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < many; index += 1)
    kept.push(keep(index, Buffer.alloc(long, "x").toString("latin1")));
  collect();
  const taken = process.memoryUsage().heapUsed - before;
  expect(kept).toHaveLength(many);
  return taken;
}

/** As Node hands a text over: in one piece. */
const received = (text: string): string => Buffer.from(text).toString("latin1");

it.each<[string, (index: number, padding: string) => unknown]>([
  [
    "a repository and a tag, of a request with a long query",
    (index, padding) => {
      const target = received(`/v2/a-team/an-application-${index}/manifests/latest?x=${padding}`);
      return parseRoute("GET", splitTarget(target).path);
    },
  ],
  [
    "a registry, of a long ?ns= query",
    (index, padding) => {
      const { query } = splitTarget(
        received(`/v2/?ns=registry-${index}.example.test&x=${padding}`),
      );
      return canonicalRegistry(query.slice("ns=".length, query.indexOf("&")));
    },
  ],
  [
    "a host, of a long target in absolute form",
    (index, padding) =>
      parseAbsolute(received(`http://registry-${index}.example.test/?x=${padding}`))?.address,
  ],
  [
    "a repository, of a Location that ends in a long fragment",
    (index, padding) => {
      const location = received(`/v2/a-team/an-application-${index}/manifests/latest#${padding}`);
      return splitTarget(location.slice(0, location.indexOf("#"))).path;
    },
  ],
  [
    "a media type, of a Content-Type with long parameters",
    (index, padding) =>
      shortMediaType(received(`application/vnd.type-${index}+json; x=${padding}`)),
  ],
  [
    "a media type, of a Content-Type that is long by itself",
    (index, padding) => shortMediaType(received(`application/vnd.type-${index}.${padding}+json`)),
  ],
])("%s, is kept alone", (_what, keep) => {
  expect(takenBy(keep)).toBeLessThan((many * long) / 10);
});
