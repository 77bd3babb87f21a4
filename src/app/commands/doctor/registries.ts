/** Asks the registries that matter here: are they reached and trusted, do logins open them, what is left of Docker Hub's budget. */
import { builtInRegistries } from "../../../protocol/known-registries.ts";
import { calledName, type Registry } from "../../../protocol/registry-name.ts";
import { UpstreamError } from "../../../upstream/upstream-error.ts";
import { meantRegistry } from "../meant-registry.ts";
import { RegistryLook } from "../registry-look.ts";
import type { Examination } from "./examination.ts";
import { mind, type Symptom, well, wrong } from "./symptom.ts";

const mostSkew = 60_000;

export async function lookAtRegistries(parts: Examination): Promise<readonly Symptom[]> {
  if (!parts.mayAsk) return [];
  return await RegistryLook.with(parts, async (look) => {
    const skews: number[] = [];
    const findings = await Promise.all(
      look.registries().map((registry) => lookAt(registry, { look, skews, now: parts.now })),
    );
    return [...findings.flat(), ...lookAtClock(skews), ...(await lookAtBudget(look))];
  });
}

type Looking = {
  readonly look: RegistryLook;
  /** Milliseconds that this machine's clock is ahead, by each that says what time it is. */
  readonly skews: number[];
  readonly now: () => number;
};

async function lookAt(registry: Registry, looking: Looking): Promise<readonly Symptom[]> {
  const { look, skews, now } = looking;
  const name = calledName(registry.name);
  try {
    const { status, date } = await look.ping(registry);
    if (Number.isFinite(date)) skews.push(now() - date);
    if (status !== 200 && status !== 401) return [noRegistry(name, status)];
    const login = look.hasLogin(registry) ? await lookAtLogin(registry, name, looking) : [];
    return [well(`${name} answers`), ...login];
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return [unreached(error, name)];
  }
}

async function lookAtLogin(
  registry: Registry,
  name: string,
  { look, now }: Looking,
): Promise<readonly Symptom[]> {
  const fate = await look.login(registry);
  switch (fate.kind) {
    case "works":
      return [
        well(`the login of ${name} works`),
        ...lookAtEnd(name, await look.loginEnds(registry), now()),
      ];
    case "refused":
      return [
        wrong(`${name} refuses its login`, "see whether it has expired, and write a new one"),
      ];
    case "unused": {
      const what = `the login of ${name} is not used: its tokens come from ${fate.tokenHost}`;
      return [wrong(what, fate.line)];
    }
    case "odd":
      return [noRegistry(name, fate.status)];
    case "unknown":
      return [unreached(fate.error, name)];
  }
}

/** Passwords say nothing of their end; tokens that pass for one may. */
function lookAtEnd(name: string, end: number | undefined, now: number): readonly Symptom[] {
  if (end === undefined) return [];
  const hours = Math.floor((end - now) / 3_600_000);
  const left = hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
  const what = `the login of ${name} is good for ${left}`;
  if (hours >= 7 * 24) return [well(what)];
  return [
    mind(what, "a credential helper in DOCKER_CONFIG gets new ones by itself; or write a new one"),
  ];
}

function noRegistry(name: string, status: number): Symptom {
  const what = `${name} answers ${status} to /v2/: it may be no registry`;
  return mind(what, "see whether its name and port in REGISTRIES are right");
}

function unreached(error: UpstreamError, name: string): Symptom {
  const [what = "", ...mend] = error.message.split("; ");
  return wrong(what, mend.join("; ") || remedyFor(error, name));
}

/** By the one that differs least: others may have a clock that is off. */
function lookAtClock(skews: readonly number[]): readonly Symptom[] {
  const skew = skews.toSorted((one, other) => Math.abs(one) - Math.abs(other))[0];
  if (skew === undefined) return [];
  if (Math.abs(skew) <= mostSkew) return [well("this machine's clock agrees with theirs")];
  const seconds = Math.round(Math.abs(skew) / 1_000);
  const what = `this machine's clock is ${seconds} s ${skew > 0 ? "ahead of" : "behind"} theirs`;
  return [
    wrong(
      what,
      "sudo timedatectl set-ntp true, or set it by hand: certificates and tokens fail otherwise",
    ),
  ];
}

async function lookAtBudget(look: RegistryLook): Promise<readonly Symptom[]> {
  const budget = await look.budget();
  if (budget === undefined) return [];
  const { limit, remaining } = budget;
  const what = `${remaining} of ${limit} pulls are left at Docker Hub`;
  if (remaining > limit / 10) return [well(what)];
  return [mind(what, "log in there: AUTH_REGISTRIES=auth.docker.io:user:token")];
}

function remedyFor({ code }: UpstreamError, name: string): string {
  if (code === "DNS") {
    const meant = meantRegistry(name);
    if (builtInRegistries.includes(name))
      return "see which DNS this machine has, and whether HTTPS_PROXY has to be set";
    if (meant !== undefined) return `did you mean ${meant}? If not, see which DNS this machine has`;
    return `see whether ${name} is spelled right, and which DNS this machine has`;
  }
  if (code === "TLS") return "trust its authority with UPSTREAM_CA=/path/to/ca.pem";
  return "see whether this machine reaches it, and whether HTTPS_PROXY has to be set";
}
