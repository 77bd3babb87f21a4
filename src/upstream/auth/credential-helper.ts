/**
 * Runs `docker-credential-NAME` (docker-credential-helpers protocol). What is asked goes in on its
 * standard input and what it answers stays in memory: no secret is ever an argument.
 */
import { spawn } from "node:child_process";
import { CredentialError } from "./credential-error.ts";
import { expiryOf } from "./helper-expiry.ts";

export type HelperAnswer = {
  readonly user: string;
  readonly secret: string;
  /** Milliseconds since 1970; undefined when the helper does not say. */
  readonly expiresAt?: number | undefined;
};

export type HelperOptions = {
  /** The environment it runs in: PATH, HOME, and whatever its cloud wants. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborts when the house closes. */
  readonly life: AbortSignal;
  readonly timeoutMs?: number;
};

const nameGrammar = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const maxOutput = 262_144;

export class CredentialHelpers {
  readonly #options: HelperOptions;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  /** The login for a server, undefined when the helper has none. Throws CredentialError HELPER. */
  async get(helper: string, server: string): Promise<HelperAnswer | undefined> {
    const run = await this.#run(helper, "get", server);
    if (run.code !== 0) {
      if (/credentials not found/i.test(run.output)) return undefined;
      throw failed(helper, `ends with code ${run.code}`);
    }
    const answer = parseAnswer(helper, run.output);
    const { Username: user, Secret: secret } = answer;
    if (typeof user !== "string" || typeof secret !== "string" || secret === "") {
      throw failed(helper, "answers without Username and Secret");
    }
    return { user, secret, expiresAt: expiryOf(answer, secret) };
  }

  /** The servers the helper has logins for. Throws CredentialError HELPER. */
  async list(helper: string): Promise<string[]> {
    const run = await this.#run(helper, "list", "");
    if (run.code !== 0) throw failed(helper, `ends with code ${run.code}`);
    return Object.keys(parseAnswer(helper, run.output));
  }

  async #run(
    helper: string,
    verb: "get" | "list",
    input: string,
  ): Promise<{ code: number | null; output: string }> {
    if (!nameGrammar.test(helper)) throw failed(helper, "is no name of a helper");
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 10_000);
    const child = spawn(`docker-credential-${helper}`, [verb], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...this.#options.environment },
      signal: AbortSignal.any([this.#options.life, timeout]),
      killSignal: "SIGKILL",
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    // A helper that exits without reading its input breaks the pipe; its exit code tells.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    try {
      const [code, output] = await Promise.all([ended, readOutput(child.stdout)]);
      return { code, output };
    } catch (error) {
      child.kill("SIGKILL");
      throw failed(helper, timeout.aborted ? "does not answer in time" : "cannot be run", error);
    }
  }
}

async function readOutput(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxOutput) throw new RangeError("too much output");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The reason says nothing of what the helper wrote: it may hold a secret. */
function parseAnswer(helper: string, output: string): Readonly<Record<string, unknown>> {
  const value = parseJson(output);
  if (typeof value === "object" && value !== null) return { ...value };
  throw failed(helper, "does not answer in JSON");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(helper: string, what: string, cause?: unknown): CredentialError {
  const name = `docker-credential-${helper.slice(0, 64)}`;
  return new CredentialError("HELPER", `${name} ${what}`, { cause });
}
