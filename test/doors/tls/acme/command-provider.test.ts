import { describe, expect, it } from "vitest";
import { CommandProvider } from "../../../../src/doors/tls/acme/command-provider.ts";

function make(end: { code: number; output: string }) {
  const calls: (readonly string[])[] = [];
  const provider = new CommandProvider(" /usr/bin/hook  --zone example.com ", async (command) => {
    calls.push(command);
    return end;
  });
  return { provider, calls };
}

const { signal } = new AbortController();

describe("a command that keeps DNS", () => {
  it("is called with what to do, the name and the value", async () => {
    const { provider, calls } = make({ code: 0, output: "" });
    await provider.set("_acme-challenge.a.example", "v", signal);
    await provider.unset("_acme-challenge.a.example", "v");
    expect(calls.map((call) => call.join(" "))).toEqual([
      "/usr/bin/hook --zone example.com set _acme-challenge.a.example v",
      "/usr/bin/hook --zone example.com unset _acme-challenge.a.example v",
    ]);
  });

  it("that fails is told of with its last line", async () => {
    const { provider } = make({ code: 3, output: "trying\nno such zone\n" });
    await expect(provider.set("n", "v", signal)).rejects.toThrow(
      "/usr/bin/hook set ended with 3: no such zone",
    );
  });
});
