/** What a client does to get its Authorization: the challenge, then the token service it names. */
import { challengeOf, parseChallenges } from "../../../src/protocol/http/challenge.ts";
import { type Door, viaProxy } from "./client.ts";

export type Login = readonly [user: string, password: string];

export const basic = ([user, password]: Login): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** The Authorization for pulling `repository`, as an engine gets it through the proxy; undefined when refused. */
export async function authorization(
  door: Door,
  registry: string,
  repository: string,
  login?: Login,
): Promise<string | undefined> {
  const ping = await viaProxy(door, registry, "/v2/");
  const lines = ping.headers["www-authenticate"];
  const challenge = challengeOf(parseChallenges(lines === undefined ? [] : [lines]), "bearer");
  const realm = new URL(challenge?.parameters.get("realm") ?? "");
  realm.searchParams.set("service", challenge?.parameters.get("service") ?? "");
  realm.searchParams.set("scope", `repository:${repository}:pull`);
  const headers = login === undefined ? {} : { authorization: basic(login) };
  const answer = await viaProxy(door, realm.host, `${realm.pathname}${realm.search}`, { headers });
  if (answer.status !== 200) return undefined;
  const { token } = JSON.parse(answer.body.toString()) as { token: string };
  return `Bearer ${token}`;
}
