/** The Basic scheme (RFC 7617), and what counts as somebody's own login. */

export type UserAndPassword = { readonly user: string; readonly password: string };

/** User and password of `Basic …`, read as UTF-8; undefined when it is anything else. */
export function parseBasic(header: string): UserAndPassword | undefined {
  const match = /^basic +([A-Za-z0-9+/_-]+={0,2})\s*$/i.exec(header);
  if (match === null) return undefined;
  const text = Buffer.from(match[1] ?? "", "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The header's value. The user may not contain a colon: RFC 7617 §2. */
export function printBasic(login: UserAndPassword): string {
  return `Basic ${Buffer.from(`${login.user}:${login.password}`, "utf8").toString("base64")}`;
}

/** Whether this Authorization says who is asking; podman's empty Basic (`Og==`) does not. */
export function hasLogin(authorization: string | undefined): boolean {
  if (authorization === undefined || authorization.trim() === "") return false;
  const basic = parseBasic(authorization);
  if (basic !== undefined) return basic.user !== "" || basic.password !== "";
  return !/^(?:basic|bearer)\s*$/i.test(authorization);
}
