import { describe, expect, it } from "vitest";
import { recordsPlace } from "../../../src/app/settings/records-kinds.ts";

const login = { user: undefined, password: undefined };

describe("RECORDS", () => {
  it.each([
    ["sqlite:", { kind: "sqlite" }],
    [
      "redis://cache.lan",
      {
        ...{ kind: "redis", url: "redis://cache.lan:6379/0" },
        server: { ...login, host: "cache.lan", port: 6379, database: 0, isTls: false },
      },
    ],
    [
      "rediss://me:CANARY-%40%2F@[fd00::1]:7000/3",
      {
        ...{ kind: "redis", url: "rediss://[fd00::1]:7000/3" },
        server: {
          ...{ user: "me", password: "CANARY-@/", host: "fd00::1", port: 7000 },
          ...{ database: 3, isTls: true },
        },
      },
    ],
    [
      "postgresql://me:CANARY-x@db.lan/entrepot?sslmode=verify-full",
      {
        kind: "postgres",
        url: "postgres://db.lan:5432/entrepot?sslmode=verify-full",
        server: {
          ...{ user: "me", password: "CANARY-x", host: "db.lan", port: 5432 },
          ...{ database: "entrepot", isTls: true },
        },
      },
    ],
  ])("may be %s", (text, place) => {
    expect(recordsPlace.parse(text)).toEqual(place);
  });

  it.each([
    ["", "is no such place"],
    ["mysql://db.lan/x", "is no such place"],
    ["redis:///0", "is no such place"],
    ["redis://cache.lan/zero", "has no number of a database behind the port"],
    ["redis://:CANARY-a#b@cache.lan", "is no such place"],
    ["redis://cache.lan/0?password=CANARY-x", "has more behind the database than it may"],
    ["postgres://db.lan", "names no database"],
    ["postgres://db.lan/x?sslmode=prefer", "has an unknown sslmode"],
    ["postgres://me:CANARY-100%@db.lan/x", "has a % that stands for nothing"],
  ])("may not be %s, and what is said of it shows no password", (text, sentence) => {
    expect(() => recordsPlace.parse(text)).toThrow(sentence);
    expect(() => recordsPlace.parse(text)).not.toThrow(/CANARY/);
  });
});
