/** What a draft leaves open: asked of a person, and otherwise told of, with what then holds. */
import type { Asker } from "./asker.ts";
import { type Draft, InitError, type OldLogin } from "./draft.ts";
import type { LiveCheck, TriedLogin } from "./live-check.ts";

export async function settle(draft: Draft, asker: Asker, check: LiveCheck): Promise<void> {
  await settleQuestions(draft, asker);
  await settlePlaces(draft, asker);
  await settleNames(draft, asker, check);
  // One after the other: each may lead to a question.
  for (const login of [...draft.logins]) await settleLogin(draft, login, { asker, check });
}

/** What makes something less safe holds only when somebody says so. */
async function settleQuestions(draft: Draft, asker: Asker): Promise<void> {
  for (const { about, question, settings, otherwise, isNeeded } of draft.questions) {
    if (await asker.confirm(`${about}: ${question}`, false)) takeUp(settings, draft);
    else if (isNeeded === true) throw new InitError(`${about} ${otherwise}`);
    else draft.note(`${about}: ${otherwise}`);
  }
}

function takeUp(settings: Readonly<Record<string, unknown>>, draft: Draft): void {
  for (const [key, value] of Object.entries(settings)) {
    if (Array.isArray(value)) draft.add(key, ...(value as string[]));
    else draft.set(key, value);
  }
}

async function settlePlaces(draft: Draft, asker: Asker): Promise<void> {
  for (const { key, question, usual } of draft.places) {
    const path = await asker.text(question, usual);
    draft.set(key, path, draft.comments.get(key));
    if (!asker.isPerson) draft.note(`${key}: ${path} has to be there on this machine`);
  }
}

async function settleNames(draft: Draft, asker: Asker, check: LiveCheck): Promise<void> {
  for (const { host, meant } of await check.unknownNames(draft)) {
    const unknown = `${host} has no address here`;
    if (meant === undefined) draft.note(`${unknown}; see whether it is spelled right`);
    else if (await asker.confirm(`${unknown}; did you mean ${meant}?`, asker.isPerson)) {
      draft.rename(host, meant);
    } else draft.note(`${unknown}; did you mean ${meant}?`);
  }
}

type LoginParts = { readonly asker: Asker; readonly check: LiveCheck };

/** Asks again as long as it is refused and somebody has another. */
export async function settleLogin(draft: Draft, login: OldLogin, parts: LoginParts): Promise<void> {
  const { asker, check } = parts;
  const { host, user } = login;
  const fate = await check.login(draft, login);
  switch (fate.kind) {
    case "works":
      asker.tell(`The login of ${user} works at ${host}.`);
      return;
    case "refused": {
      const refused = `${host} refuses the login of ${user}`;
      if (!(await asker.confirm(`${refused}. Write it again?`, asker.isPerson))) {
        draft.note(`${refused}; until it is mended, pulls there go on without it`);
        return;
      }
      const another = await asker.text("User?", user);
      const password = await asker.secret(`Password or token of ${another}?`);
      const again = { host, user: another, password: password || login.password };
      draft.replaceLogin(again);
      return settleLogin(draft, again, parts);
    }
    case "unused":
      return settleUnused(draft, host, { asker, fate });
    default:
      return settleUntried(draft, login, { ...parts, fate });
  }
}

/** A login goes to a host that the registry itself names only when the operator says so. */
async function settleUnused(
  draft: Draft,
  host: string,
  { asker, fate }: { readonly asker: Asker; readonly fate: TriedLogin & { kind: "unused" } },
): Promise<void> {
  const { tokenHost, line } = fate;
  const question = `${host} has its tokens from ${tokenHost}. May its login go there?`;
  if (await asker.confirm(question, false)) draft.add("auth_realms", `${host}=${tokenHost}`);
  else draft.note(`the login of ${host} is not used: its tokens come from ${tokenHost}; ${line}`);
}

async function settleUntried(
  draft: Draft,
  login: OldLogin,
  parts: LoginParts & { readonly fate: TriedLogin },
): Promise<void> {
  const { asker, fate } = parts;
  const { host } = login;
  if (fate.kind === "unknown" && fate.error.code === "TLS" && asker.isPerson) {
    const question = `${host} has a certificate that nothing here trusts. Which file has its CA? (Enter for none)`;
    const path = await asker.text(question, "");
    if (path !== "") {
      draft.add("upstream_ca", path);
      return settleLogin(draft, login, parts);
    }
  }
  const untried = `the login of ${host} could not be tried: ${whyOf(fate)}`;
  draft.note(untried);
  asker.tell(`${untried}.`);
}

function whyOf(fate: TriedLogin): string {
  if (fate.kind === "untried") return fate.why;
  if (fate.kind === "unknown") return fate.error.message;
  return fate.kind === "odd" ? `it answers ${fate.status} to /v2/` : "nobody knows";
}
