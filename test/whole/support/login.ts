/** What a client does to get its Authorization: the challenge, then the token service it names. */
import { challengeOf, parseChallenges } from "../../../src/protocol/http/challenge.ts";
import { type Answer, type Door, viaProxy } from "./client.ts";

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
  return (await logIn(door, registry, repository, login)).authorization;
}

export type LoggedIn = {
  /** To be sent with every request; undefined when none is wanted, or it was refused. */
  readonly authorization: string | undefined;
  /** Of a refusal. */
  readonly refusal: number | undefined;
  /** All that was answered on the way. */
  readonly heard: readonly Answer[];
};

/** The same, told in full: a login is sent where the ping asks for one, and nowhere else. */
export async function logIn(
  door: Door,
  registry: string,
  repository: string,
  login?: Login,
): Promise<LoggedIn> {
  const ping = await viaProxy(door, registry, "/v2/");
  const own = login === undefined ? undefined : basic(login);
  const lines = ping.headers["www-authenticate"];
  const challenge = challengeOf(parseChallenges(lines === undefined ? [] : [lines]), "bearer");
  if (challenge === undefined) {
    const isAsked = ping.status === 401;
    return { authorization: isAsked ? own : undefined, refusal: undefined, heard: [ping] };
  }
  const realm = new URL(challenge.parameters.get("realm") ?? "");
  realm.searchParams.set("service", challenge.parameters.get("service") ?? "");
  realm.searchParams.set("scope", `repository:${repository}:pull`);
  const headers = own === undefined ? {} : { authorization: own };
  const got = await viaProxy(door, realm.host, `${realm.pathname}${realm.search}`, { headers });
  // Engines know two ways to ask, and take the other where one is not offered.
  const isOther = got.status === 405 && login !== undefined;
  const answer = isOther ? await byForm(door, realm, login) : got;
  const heard = [ping, got, answer];
  if (answer.status !== 200) return { authorization: undefined, refusal: answer.status, heard };
  const { token } = JSON.parse(answer.body.toString()) as { token: string };
  return { authorization: `Bearer ${token}`, refusal: undefined, heard };
}

function byForm(door: Door, realm: URL, [username, password]: Login): Promise<Answer> {
  const form = { grant_type: "password", client_id: "engine", username, password };
  const body = new URLSearchParams({ ...Object.fromEntries(realm.searchParams), ...form });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const asked = { method: "POST", headers, body: body.toString() };
  return viaProxy(door, realm.host, realm.pathname, asked);
}
