/** A registry in somebody's own network: Debian's docker-registry behind TLS and a password. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { join } from "node:path";
import { inject } from "vitest";
import { makeAuthority } from "../../../support/certificates.ts";
import type { Journey } from "../journey.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import { openFront } from "./front.ts";
import type { Ledger } from "./ledger.ts";
import { addresses } from "./look-alikes.ts";
import { userOf } from "./token-service.ts";

type PrivateRegistry = {
  /** Its name, which has an address among those of the played internet. */
  readonly host: string;
  /** Whose images it has. */
  readonly images: string;
  /** `user:password`. */
  readonly login: string;
};

/**
 * Gives the file with its authority and those of the played internet. What is asked of it is written
 * into the journey's ledger. Ends with the journey.
 */
export async function playPrivateRegistry(
  journey: Journey,
  place: PrivateRegistry,
): Promise<string> {
  const { host, images, login } = place;
  const folder = join(journey.folder, host);
  const storage = join(inject("parts").images, images);
  const registry = await startDockerRegistry({ storage, folder });
  journey.atEnd(() => registry.stop());
  const authority = makeAuthority("Private authority");
  const { ledger } = journey.upstream;
  const guarded = { host, login, ledger, port: registry.port };
  const server = await openFront(
    host,
    addresses.get(host) ?? "",
    authority.issue([host]),
    (request, response) => void guard(guarded, request, response),
  );
  journey.atEnd(async () => {
    server.close();
    server.closeAllConnections();
  });
  const file = join(folder, "ca.pem");
  await writeFile(file, authority.ca + (await readFile(journey.upstreamCa, "utf8")));
  return file;
}

const challenge = {
  "www-authenticate": 'Basic realm="company"',
  "docker-distribution-api-version": "registry/2.0",
};

type Guarded = {
  readonly host: string;
  readonly login: string;
  readonly ledger: Ledger;
  readonly port: number;
};

async function guard(
  { host, login, ledger, port }: Guarded,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request;
  const entry = ledger.add({
    ...{ host, method, path, status: 0, bytes: 0 },
    hasAuthorization: headers.authorization !== undefined,
    user: userOf(headers.authorization),
    userAgent: headers["user-agent"] ?? "",
  });
  if (headers.authorization !== `Basic ${Buffer.from(login).toString("base64")}`) {
    entry.status = 401;
    response.writeHead(401, challenge).end();
    return;
  }
  const { authorization: _login, ...others } = headers;
  const asked = plainRequest({ host: "127.0.0.1", port, method, path, headers: others });
  asked.end();
  const [answer] = await once(asked, "response");
  entry.status = answer.statusCode;
  response.writeHead(entry.status, answer.rawHeaders);
  answer.pipe(response);
}
