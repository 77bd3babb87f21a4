/** The setting POLICY, ready to judge by. */
import { ImagePolicy } from "../../registry/rules/image-policy.ts";
import type { PolicySetting } from "../settings/policy-kinds.ts";

/** Undefined where everything is allowed, so that nobody has to ask. */
export function imagePolicy(policy: PolicySetting): ImagePolicy | undefined {
  const isNeeded = policy.allow.length > 0 || policy.deny.length > 0;
  return isNeeded ? new ImagePolicy(policy) : undefined;
}
