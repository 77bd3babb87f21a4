/** Debian's Firefox without a window, spoken to over WebDriver BiDi. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../../support/eventually.ts";
import { freePort } from "../../../support/free-port.ts";
import { temporaryFolder } from "../../../support/temp-folder.ts";
import type { Browser } from "./browser.ts";

type Answer = { readonly id: number; readonly result?: unknown; readonly message?: string };

/** `names` lead to this machine. */
export async function openFirefox(names: readonly string[]): Promise<Browser> {
  const [profile, port] = [await temporaryFolder(), await freePort()];
  const quiet = [
    "browser.shell.checkDefaultBrowser",
    "app.update.enabled",
    "network.captive-portal-service.enabled",
    "network.connectivity-service.enabled",
    "datareporting.policy.dataSubmissionEnabled",
    "dom.security.https_first",
  ];
  const lines = [
    `user_pref("network.dns.localDomains", "${names.join(",")}");`,
    ...quiet.map((name) => `user_pref("${name}", false);`),
  ];
  await writeFile(join(profile, "user.js"), lines.join("\n"));
  const program = spawn(
    "firefox-esr",
    ["--headless", "--no-remote", "--profile", profile, `--remote-debugging-port=${port}`],
    { stdio: "ignore", env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" } },
  );
  const session = await Session.open(port);
  await session.ask("session.new", { capabilities: {} });
  const { contexts } = (await session.ask("browsingContext.getTree", {})) as {
    contexts: readonly { readonly context: string }[];
  };
  const context = contexts[0]?.context;
  return {
    name: "Firefox",
    open: async (url) => {
      await session.ask("browsingContext.navigate", { context, url, wait: "complete" });
    },
    run: async (expression) => {
      const { result } = (await session.ask("script.evaluate", {
        ...{ expression, awaitPromise: true },
        target: { context },
      })) as { result?: { value?: unknown } };
      return result?.value;
    },
    close: () => end(program, profile),
  };
}

async function end(program: ChildProcess, profile: string): Promise<void> {
  const gone = once(program, "exit");
  program.kill();
  await gone;
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}

class Session {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id)?.(answer);
    });
  }

  /** Once the browser listens. */
  static open(port: number): Promise<Session> {
    return eventually(
      async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/session`);
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        socket.addEventListener("open", () => resolve());
        socket.addEventListener("error", () => reject(new Error("not there yet")));
        await promise;
        return new Session(socket);
      },
      { withinMs: 60_000, everyMs: 200 },
    );
  }

  async ask(method: string, params: unknown): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#last += 1;
    this.#waiting.set(this.#last, resolve);
    this.#socket.send(JSON.stringify({ id: this.#last, method, params }));
    const { result, message } = await promise;
    if (result === undefined) throw new Error(`${method}: ${message}`);
    return result;
  }
}
