/** Who may come in, and how long certificates are good. */

import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isOnLoopback } from "../../settings/derived.ts";
import type { Settings } from "../../settings/settings.ts";
import { mind, type Symptom, well } from "./symptom.ts";

const day = 86_400_000;

export function lookAtClients({ access, listen }: Settings): readonly Symptom[] {
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

/** Our CA, the operator's, and certificates from files. */
export async function lookAtCertificates(
  { authority, files, listen }: Settings,
  now: number,
): Promise<readonly Symptom[]> {
  const own = authority.cert ?? join(files.dataDir, "ca", "ca.crt");
  const findings = [
    await lookAtCertificate("the CA", own, { now, days: 60 }),
    listen.tlsCert === undefined
      ? undefined
      : await lookAtCertificate("TLS_CERT", listen.tlsCert, { now, days: 14 }),
  ];
  return findings.filter((one) => one !== undefined);
}

async function lookAtCertificate(
  what: string,
  path: string,
  { now, days }: { readonly now: number; readonly days: number },
): Promise<Symptom | undefined> {
  // There is none before the first start, and a folder holds several.
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const left = Math.floor((new X509Certificate(text).validToDate.getTime() - now) / day);
  const until = left < 0 ? `ended ${-left} days ago` : `is good for ${left} days`;
  if (left >= days) return well(`${what} ${until}`);
  const mend =
    what === "the CA"
      ? "every client has to trust a new one: move ca.crt and ca.key away, start, and run the set-up again on them"
      : "renew it; files are read again within a minute";
  return mind(`${what} ${until}`, mend);
}
