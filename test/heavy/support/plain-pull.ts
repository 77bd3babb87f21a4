/** A pull as an engine's, of a played image, over a connection that names its host itself; no name has to lead there. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { expect } from "vitest";

/** Of these journeys alone: every folder of examples listens on the same ports. */
export const address = "127.0.84.1";

export type Door = { readonly port: number; readonly host: string; readonly isTls: boolean };

export async function ask(
  door: Door,
  path: string,
  accept = "*/*",
): Promise<[IncomingMessage, Buffer]> {
  const headers = { host: door.host, accept };
  const at = { host: address, port: door.port, path, headers, agent: false };
  const asked = door.isTls
    ? httpsRequest({ ...at, servername: door.host, rejectUnauthorized: false })
    : httpRequest(at);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once("response", resolve).once("error", reject).end();
  });
  return [answer, await buffer(answer)];
}

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** The image's index, a manifest of it, its configuration and its layers, as an engine asks for them. */
export async function pull(door: Door, repository: string): Promise<void> {
  const index = await manifest(door, `/v2/${repository}/manifests/1`);
  const [first] = index.manifests ?? [];
  const { config, layers = [] } =
    first === undefined
      ? index
      : await manifest(door, `/v2/${repository}/manifests/${first.digest}`);
  for (const { digest, size } of [config ?? [], layers].flat()) {
    const [blob, bytes] = await ask(door, `/v2/${repository}/blobs/${digest}`);
    expect([blob.statusCode, bytes.length]).toEqual([200, size]);
  }
}

type Part = { readonly digest: string; readonly size: number };
type Manifest = { readonly manifests?: Part[]; readonly config?: Part; readonly layers?: Part[] };

async function manifest(door: Door, path: string): Promise<Manifest> {
  const [answer, body] = await ask(door, path, manifestTypes);
  expect([answer.statusCode, answer.statusCode === 200 ? "" : body.toString()]).toEqual([200, ""]);
  return JSON.parse(body.toString());
}
