/** The CA that clients trust, and what tokens are signed with. */
import { kind, path, verbatim } from "./kind.ts";
import { optional } from "./setting.ts";

const tokenSecret = kind("secret", "at least 16 characters", (value) =>
  Buffer.byteLength(value) >= 16 ? value : undefined,
);

export const authority = {
  title: "CA and tokens",
  settings: {
    cert: optional({
      name: "CA_CERT",
      kind: path,
      help: "Certificate of a CA of your own (PEM); left out, one is made in DATA_DIR on the first start.",
    }),
    key: optional({
      name: "CA_KEY",
      kind: path,
      help: "Private key that belongs to CA_CERT (PEM).",
    }),
    keyPassphrase: optional({
      name: "CA_KEY_PASSPHRASE",
      kind: verbatim,
      isSecret: true,
      help: "Pass-phrase of CA_KEY, if it has one.",
    }),
    tokenSecret: optional({
      name: "TOKEN_SECRET",
      kind: tokenSecret,
      isSecret: true,
      help: "What the tokens given to clients are signed with; left out, one is made in DATA_DIR.",
    }),
  },
} as const;
