/** Who may come in. */
import { isOnLoopback } from "../../settings/derived.ts";
import type { Examination } from "./examination.ts";
import { mind, type Symptom, well } from "./symptom.ts";

export async function lookAtClients({ settings }: Examination): Promise<readonly Symptom[]> {
  const { access, listen } = settings;
  const findings: Symptom[] = [];
  const isWorld = access.allowClients.some((range) => /\/0$/.test(range));
  if (isWorld && access.proxyAuth === undefined) {
    findings.push(
      mind(
        "ALLOW_CLIENTS covers the world: whoever reaches this port pulls with your logins",
        "leave it out for private networks alone, or write PROXY_AUTH=user:password",
      ),
    );
  }
  if (listen.adminPort !== 0 && !isOnLoopback(listen.adminHost)) {
    const what = `the back office can be reached from other machines (ADMIN_HOST=${listen.adminHost})`;
    findings.push(mind(what, "leave ADMIN_HOST out, and use ssh -L 3129:127.0.0.1:3129"));
  }
  return findings.length > 0 ? findings : [well("only private networks may come in")];
}
