/** The server that runs with this data folder: whether it is what this command belongs to, and what it has seen. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hostMatcher } from "../../../protocol/host-pattern.ts";
import { parseHostPort } from "../../../protocol/http/host-port.ts";
import type { Build } from "../../build.ts";
import { readBuild } from "../../build.ts";
import { interceptedHosts, namedRegistries } from "../../settings/derived.ts";
import type { Settings } from "../../settings/settings.ts";
import { askServer } from "../control.ts";
import { RegistryLook } from "../registry-look.ts";
import type { Examination, RunningServer } from "./examination.ts";
import { mind, type Symptom, well } from "./symptom.ts";

/** More are too many to be asked one by one. */
const mostProbed = 50;

export async function findServer({
  files: { dataDir },
}: Settings): Promise<RunningServer | undefined> {
  const at = { dataDir, settingsFile: undefined, envFile: undefined, environment: {} };
  const ask = <T>(path: string): Promise<T | undefined> =>
    askServer(at, { path }).then(
      (told) => told as T,
      () => undefined,
    );
  const build = await ask<Build>("status");
  if (build === undefined) return undefined;
  // An older one does not know this question.
  const seen = await ask<Pick<RunningServer, "tunnels">>("tunnels");
  const pid = Number(await readFile(join(dataDir, "lock.pid"), "utf8").catch(() => ""));
  return { build, pid: pid > 0 ? pid : undefined, tunnels: seen?.tunnels ?? [] };
}

export async function lookAtVersion({ server }: Examination): Promise<readonly Symptom[]> {
  if (server === undefined) return [];
  const own = readBuild();
  const { version, commit } = server.build;
  if (version === own.version && commit === own.commit) {
    return [well(`the server that runs is of this version (${version})`)];
  }
  const what = `the server that runs is ${nameOf(server.build)}, and this command ${nameOf(own)}`;
  return [mind(what, "start it anew (systemctl restart entrepot)")];
}

function nameOf({ version, commit }: Build): string {
  return commit === "unknown" ? version : `${version} (${commit.slice(0, 7)})`;
}

/** What went past the cache although it could be kept. */
export async function lookAtTunnels(its: Examination): Promise<readonly Symptom[]> {
  const { server, settings, mayAsk } = its;
  if (server === undefined || !mayAsk) return [];
  const isSpared = hostMatcher([
    ...settings.registries.interceptExcept,
    ...interceptedHosts(settings, namedRegistries(settings)),
  ]);
  const seen = server.tunnels.slice(0, mostProbed).flatMap(({ host, times }) => {
    const address = parseHostPort(host, 443);
    return address === undefined || isSpared(address) ? [] : [{ host, times, address }];
  });
  if (seen.length === 0) return [];
  const parts = { ...its, settings: withAll(settings, seen) };
  const found = await RegistryLook.with(parts, (look) =>
    Promise.all(seen.map(async (one) => ((await look.isRegistry(one.address)) ? [one] : []))),
  );
  return found.flat().map(({ host, times }) => {
    const often = times === 1 ? "once" : `${times} times`;
    const what = `${short(host)} is a registry, and clients went through to it ${often}: nothing of it is kept`;
    return mind(what, lineFor(settings, host));
  });
}

function short(host: string): string {
  return host.replace(/:443$/, "");
}

/** As if the operator had named them: whose certificate it is matters once it is used. */
function withAll(settings: Settings, seen: readonly { readonly host: string }[]): Settings {
  const hosts = seen.map(({ host }) => short(host));
  const entries = hosts.map((pattern) => ({
    ...{ pattern, scheme: "https" as const, proxy: undefined, hasOwnLogin: false },
  }));
  const registries = [...settings.registries.registries, ...entries];
  return {
    ...settings,
    registries: { ...settings.registries, registries },
    upstream: { ...settings.upstream, unverified: [...settings.upstream.unverified, ...hosts] },
  };
}

/** The whole list, since what is written takes the place of what was there. */
function lineFor({ registries: { registries } }: Settings, host: string): string {
  const named = registries.map(({ pattern, scheme }) =>
    scheme === "http" ? `http://${pattern}` : pattern,
  );
  return `REGISTRIES="${[...named, short(host)].join(" ")}"`;
}
