import { expect, it } from "vitest";
import { tellAll } from "../../src/runtime/tell.ts";

it("tells every listener, also behind one that throws, which is reported", () => {
  const heard: string[] = [];
  const reported: unknown[] = [];
  const broken = new Error("cannot listen");
  const fail = (): never => {
    throw broken;
  };
  const tell = tellAll<string>(
    [(event) => heard.push(`first ${event}`), fail, (event) => heard.push(`last ${event}`)],
    (error) => reported.push(error),
  );
  tell("stored");
  expect(heard).toEqual(["first stored", "last stored"]);
  expect(reported).toEqual([broken]);
});
