/** A registry's catalog without the repositories that POLICY keeps from its clients. */
import { Readable } from "node:stream";
import { readBody } from "../../cache/asking/small-answer.ts";
import type { Passed } from "../../cache/content.ts";
import { isJsonBomb } from "../../protocol/manifest.ts";
import { parseRepositoryName } from "../../protocol/reference.ts";
import { RegistryError } from "../../protocol/registry-error.ts";
import type { RegistryName } from "../../protocol/registry-name.ts";
import type { Exchange, Reply } from "../exchange.ts";
import type { ImagePolicy } from "./image-policy.ts";

const largestCatalog = 4 * 1024 * 1024;

/** Throws RegistryError where the answer cannot be read, since it cannot be judged then. */
export async function allowedCatalog(
  { ask, method }: Exchange,
  reply: Reply,
  policy: ImagePolicy,
): Promise<Reply> {
  if (reply.kind !== "passed" || reply.response.status !== 200) return reply;
  const headers = new Map(reply.response.headers);
  headers.delete("content-length");
  headers.delete("etag");
  if (method === "HEAD") return { ...reply, response: { ...reply.response, headers } };
  const { name } = ask.registry;
  const bytes = await readWhole(reply, name);
  const body = Buffer.from(JSON.stringify(withoutDenied(bytes, name, policy)));
  headers.set("content-length", [String(body.length)]);
  return { ...reply, response: { ...reply.response, headers, body: Readable.from([body]) } };
}

async function readWhole({ response }: Passed, name: RegistryName): Promise<Uint8Array> {
  const isEncoded = response.headers.has("content-encoding");
  const body = isEncoded ? undefined : await readBody(response, largestCatalog);
  if (body !== undefined) return body;
  response.body.destroy();
  throw unreadable(name);
}

function withoutDenied(bytes: Uint8Array, name: RegistryName, policy: ImagePolicy): unknown {
  const catalog = parsed(bytes, name);
  const isAllowed = (text: unknown): boolean => {
    const repository = typeof text === "string" ? parseRepositoryName(text) : undefined;
    if (repository === undefined) return false;
    const { kind } = policy.judge(name, repository);
    return kind === "allowed" || kind === "byTag";
  };
  return { ...catalog, repositories: catalog.repositories.filter(isAllowed) };
}

function parsed(bytes: Uint8Array, name: RegistryName): { repositories: readonly unknown[] } {
  const value: unknown = isJsonBomb(bytes) ? undefined : jsonOf(bytes);
  const isObject = typeof value === "object" && value !== null && "repositories" in value;
  const repositories: unknown = isObject ? value.repositories : undefined;
  if (!isObject || !(Array.isArray(repositories) || repositories === null)) throw unreadable(name);
  return { ...value, repositories: repositories ?? [] };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function unreadable(name: RegistryName): RegistryError {
  const words = `POLICY on the proxy cannot be applied to the catalog that ${name} sent`;
  return new RegistryError("DENIED", words, { status: 502, detail: { setting: "POLICY" } });
}
