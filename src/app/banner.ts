/** What a start prints for people: where it listens, whom to trust, what to paste on a client. */
import { formatHostPort } from "../protocol/http/host-port.ts";
import type { Listening, Started } from "./application.ts";

const roles: Readonly<Record<Listening["door"], string>> = {
  clients: "clients",
  tls: "TLS",
  admin: "back office",
};

export function printBanner({ listening, fingerprint, hostName, warnings }: Started): string {
  const doors = listening.map(
    ({ door, ...address }) => `  ${roles[door].padEnd(12)}${formatHostPort(address)}`,
  );
  const port = listening.find(({ door }) => door === "clients")?.port ?? 3128;
  const front = `http://${formatHostPort({ host: hostName, port })}`;
  return [
    "Entrepot listens",
    ...doors,
    "Its CA, SHA-256",
    `  ${fingerprint}`,
    "On a client, paste",
    `  curl -fsS ${front}/setup/docker -o setup-entrepot.sh`,
    "  sudo bash setup-entrepot.sh",
    "  docker pull alpine",
    ...warnings.map((warning) => `Mind: ${warning}`),
    "",
  ].join("\n");
}
