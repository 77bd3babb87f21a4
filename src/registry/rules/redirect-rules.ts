/** POLICY is asked again about where a registry leads on to: by that registry's name, and its repository's. */
import type { HostPort } from "../../protocol/http/host-port.ts";
import { splitTarget } from "../../protocol/http/target.ts";
import { registryAt, type Scheme } from "../../protocol/registry-name.ts";
import { readingsOf } from "../../protocol/route-readings.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import { denialSentence, imageText } from "./denial.ts";
import type { ImagePolicy } from "./image-policy.ts";

type Place = { readonly scheme: Scheme; readonly address: HostPort; readonly target: string };

/** Throws UpstreamError FORBIDDEN, with the rule and the setting in words. */
export function judgeRedirect(policy: ImagePolicy, { scheme, address, target }: Place): void {
  const registry = registryAt(address, scheme);
  for (const { repository, reference } of readingsOf(splitTarget(target).path)) {
    if (repository === undefined) continue;
    const tag = reference?.kind === "tag" ? reference.tag : undefined;
    const verdict = policy.judge(registry.name, repository, tag);
    // What has no tag was asked for by one that is allowed.
    if (verdict.kind === "allowed" || verdict.kind === "byTag") continue;
    const sentence = denialSentence(verdict, imageText(registry, repository, reference));
    throw new UpstreamError("FORBIDDEN", registry.name, `${sentence}, where a redirect leads`);
  }
}
