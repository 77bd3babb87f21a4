import { describe, expect, it } from "vitest";
import { type OpenSource, type Source, Sources, sourceKey } from "../../src/download/sources.ts";
import { digestOf } from "../../src/protocol/digest.ts";
import { headerList } from "../../src/protocol/http/header-list.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";
import { UpstreamRefusal } from "../../src/upstream/upstream-refusal.ts";
import { askFor, registry, repository } from "../cache/support/pulling.ts";

const digest = digestOf(Buffer.from("x"));
const forever = new AbortController().signal;

function source(authorization: string): Source {
  return askFor(digest, { access: { kind: "client", authorization } });
}

function refusal(status: number): UpstreamRefusal {
  return new UpstreamRefusal({ status, headers: headerList({}), body: Buffer.alloc(0) });
}

/** An upstream that knows people by name; a number or an error is how it refuses them. */
function scene(people: Record<string, "ok" | "late" | number | UpstreamError>) {
  const asked: string[] = [];
  const closed: string[] = [];
  const late = Promise.withResolvers<void>();
  const open: OpenSource = async ({ access }) => {
    const who = access.kind === "client" ? access.authorization : "";
    asked.push(who);
    const answer = people[who];
    if (answer === "late") await late.promise;
    if (typeof answer === "number") throw refusal(answer);
    if (answer instanceof UpstreamError) throw answer;
    async function* body() {
      yield Buffer.from(who);
    }
    return { total: 1, headers: headerList({}), body: body(), close: () => void closed.push(who) };
  };
  let wakes = 0;
  const [first = "nobody"] = Object.keys(people);
  const sources = new Sources(source(first), open, () => {
    wakes += 1;
  });
  const all = Object.keys(people).map((who) => sources.join(source(who)));
  const whose = async () => {
    const { body } = await sources.open(0, forever);
    for await (const bytes of body) return Buffer.from(bytes).toString();
    return "";
  };
  return { sources, asked, closed, late, all, whose, wakes: () => wakes };
}

function refusalOf(sources: Sources, one: Source): unknown {
  try {
    sources.check(one);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("sources", () => {
  it("are the same when the upstream cannot tell them apart", () => {
    const sources = new Sources(
      askFor(digest),
      async () => Promise.reject(new Error("unused")),
      () => undefined,
    );
    const first = sources.join(askFor(digest));
    expect(sources.join(askFor(digest, { from: 5, signal: forever }))).toBe(first);
    expect(first).not.toHaveProperty("signal");
    const others = [
      askFor(digest, { registry: registry("other.example") }),
      askFor(digest, { repository: repository("other") }),
      askFor(digest, { access: { kind: "shared" } }),
      source("alice"),
      source("bob"),
    ];
    expect(new Set(others.map(sourceKey)).size).toBe(others.length);
  });

  it("are asked one at a time while the first is let in", async () => {
    const { whose, asked } = scene({ alice: "ok", bob: "ok" });
    expect(await whose()).toBe("alice");
    expect(asked).toEqual(["alice"]);
  });

  it("are asked all at once when the first is refused, and the first to be let in serves", async () => {
    const { whose, asked, late, closed, sources, all, wakes } = scene({
      alice: 403,
      bob: "late",
      carol: 404,
      dave: "ok",
    });
    expect(await whose()).toBe("dave");
    expect(asked).toEqual(["alice", "bob", "carol", "dave"]);
    expect(all.map((one) => refusalOf(sources, one) !== undefined)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(wakes()).toBe(2);
    late.resolve();
    await new Promise(setImmediate);
    expect(closed).toEqual(["bob"]);
    expect(await whose()).toBe("dave");
  });

  it("that are refused may come again as new ones", async () => {
    const { sources, all, whose } = scene({ alice: 401 });
    await expect(whose()).rejects.toMatchObject({ response: { status: 401 } });
    expect(sources.has(sourceKey(source("alice")))).toBe(false);
    expect(sources.join(source("alice"))).not.toBe(all[0]);
  });

  it("that are all out leave whoever asks once more with the last no, not with nothing", async () => {
    const { whose } = scene({ alice: 404 });
    await expect(whose()).rejects.toMatchObject({ response: { status: 404 } });
    await expect(whose()).rejects.toMatchObject({ response: { status: 404 } });
  });

  it("are each out for any failure before the first byte", async () => {
    const down = new UpstreamError("DNS", "test", "no such host");
    const { sources, all, whose } = scene({ alice: down, bob: 500, carol: "ok" });
    expect(await whose()).toBe("carol");
    expect(all.map((one) => refusalOf(sources, one))).toMatchObject([
      down,
      { code: "REFUSED" },
      undefined,
    ]);
  });

  it("stay in for what asking again may mend after the first byte", async () => {
    const people: Record<string, "ok" | number | UpstreamError> = { alice: "ok", bob: "ok" };
    const { whose, all, sources } = scene(people);
    await whose();
    people.alice = 503;
    await expect(whose()).rejects.toMatchObject({ response: { status: 503 } });
    people.alice = 403;
    expect(await whose()).toBe("bob");
    expect(all.map((one) => refusalOf(sources, one) !== undefined)).toEqual([true, false]);
  });

  it("do not credit one repository with bytes that another had a part in", async () => {
    const open: OpenSource = async ({ repository: from }, offset) => {
      // Withdrawn from the first repository while it was being downloaded.
      if (offset > 0 && from !== "team/other") throw refusal(404);
      async function* body() {
        yield Buffer.from("x");
      }
      return { total: 2, headers: headerList({}), body: body(), close: () => undefined };
    };
    const sources = new Sources(source("ann"), open, () => undefined);
    const { first } = sources;
    await sources.open(0, forever);
    expect([sources.deliverer, sources.isPatchwork]).toEqual([first, false]);
    sources.join({ ...source("bob"), repository: "team/other" as Source["repository"] });
    await sources.open(1, forever);
    expect(sources.isPatchwork).toBe(true);
  });
});
