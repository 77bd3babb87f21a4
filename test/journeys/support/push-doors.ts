/** Entrepot as a registry of one's own, with one login, and the three doors at which it can be had. */
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { inject } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { environment, type Surroundings } from "./clients/client.ts";
import type { Entrepot } from "./entrepot.ts";
import { Journey } from "./journey.ts";
import type { Environment } from "./program.ts";

export const everyDoor = ["plain", "TLS", "proxy"] as const;
export type PushDoor = (typeof everyDoor)[number];

export const login = { user: "ci", password: "CANARY-ci" };
export const creds = `${login.user}:${login.password}`;

/** What a client finds around it, whose hands are empty. */
export type AtDoor = {
  /** What it calls the registry there. */
  readonly name: string;
  readonly isTls: boolean;
  readonly surroundings: Surroundings;
  readonly env: Environment;
};

export class PushDoors {
  readonly journey: Journey;
  readonly entrepot: Entrepot;
  readonly #tlsPort: number;

  private constructor(journey: Journey, entrepot: Entrepot, tlsPort: number) {
    this.journey = journey;
    this.entrepot = entrepot;
    this.#tlsPort = tlsPort;
  }

  static async begin(): Promise<PushDoors> {
    const journey = await Journey.begin();
    const htpasswd = join(journey.folder, "htpasswd");
    await writeFile(htpasswd, `${login.user}:${hashSync(login.password, 8)}\n`);
    const tlsPort = await freePort();
    const entrepot = await journey.entrepot({
      ...{ HOST: "127.0.0.1", TLS_PORT: String(tlsPort), HOSTED_HTPASSWD: htpasswd },
      HOSTED_HOSTS: "localhost docker-registry.local",
    });
    return new PushDoors(journey, entrepot, tlsPort);
  }

  async at(door: PushDoor): Promise<AtDoor> {
    // Short, since podman takes no run root longer than 50 characters.
    const folder = await mkdtemp(join(inject("parts").folder, "c-"));
    const { proxy, trust } = this.entrepot;
    const surroundings = { folder, trust, proxy: door === "proxy" ? proxy : undefined };
    const noLogins = join(folder, "no-logins.json");
    await writeFile(noLogins, "{}");
    const env = { ...environment(surroundings), REGISTRY_AUTH_FILE: noLogins };
    return { name: this.#nameAt(door), isTls: door !== "plain", surroundings, env };
  }

  /** Lines of its log that have a secret. */
  get leaks(): readonly string[] {
    return this.entrepot.lines.filter((line) => line.includes("CANARY"));
  }

  #nameAt(door: PushDoor): string {
    switch (door) {
      case "plain":
        return `localhost:${this.entrepot.port}`;
      case "TLS":
        return `localhost:${this.#tlsPort}`;
      case "proxy":
        return "docker-registry.local";
    }
  }
}
