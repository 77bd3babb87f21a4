import { readFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { ServerProcess } from "./server-process.ts";

function started(): ServerProcess {
  const server = new ServerProcess({ command: "sh", args: ["-c", "echo $$; exec sleep 60"] });
  server.start();
  onTestFinished(() => server.kill());
  return server;
}

it.runIf(process.platform === "linux")(
  "a server that runs is not started a second time, which nobody would end",
  async () => {
    const server = started();
    await eventually(() => server.output !== "");
    const its = server.output;
    server.start();
    expect(server.output).toBe(its);
    await server.kill();
    server.start();
    await eventually(() => !["", its].includes(server.output));
  },
);

it.runIf(process.platform === "linux")(
  "a server that is to stand still does once that is said",
  async () => {
    const server = started();
    await eventually(() => server.output !== "");
    await server.pause();
    const stat = readFileSync(`/proc/${server.output.trim()}/stat`, "utf8");
    expect(stat.split(") ")[1]?.charAt(0)).toBe("T");
  },
);
