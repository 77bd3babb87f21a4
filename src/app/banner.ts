/** What a start prints for people: where it listens, how clients reach it, whom to trust, what to paste. */
import { formatHostPort } from "../protocol/http/host-port.ts";
import type { Listening, Started } from "./application.ts";

const roles: Readonly<Record<Listening["door"], string>> = {
  clients: "clients",
  tls: "TLS",
  admin: "back office",
};

export function printBanner(started: Started): string {
  const { listening, fingerprint, warnings } = started;
  const doors = listening.map(
    ({ door, ...address }) => `  ${roles[door].padEnd(12)}${formatHostPort(address)}`,
  );
  const urls = urlsOf(started);
  const script = `${urls[0]}/setup/docker`;
  return [
    "Entrepot listens",
    ...doors,
    "Clients reach it at",
    ...urls.map((url) => `  ${url}`),
    "Its CA, SHA-256",
    `  ${fingerprint}`,
    "On a client with Docker, paste",
    `  curl -fsS ${script.includes("[") ? `'${script}'` : script} -o setup-entrepot.sh`, // zsh takes [] for a pattern
    "  less setup-entrepot.sh",
    "  sudo bash setup-entrepot.sh",
    `For other clients, open ${urls[0]}/ in a browser`,
    ...warnings.map((warning) => `Mind: ${warning}`),
    "",
  ].join("\n");
}

/** In a container only the operator knows: its own address and port lead nowhere outside. */
function urlsOf({ listening, names, publicUrl }: Started): readonly string[] {
  if (publicUrl !== undefined) return [publicUrl.replace(/(?<!\/)\/+$/, "")];
  const port = listening.find(({ door }) => door === "clients")?.port ?? 3128;
  return names.map((host) => `http://${formatHostPort({ host, port })}`);
}
