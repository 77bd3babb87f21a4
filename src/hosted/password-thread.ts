/** The thread that checks passwords, one after the other: hashing would hold up everybody else. */
import { parentPort } from "node:worker_threads";
import type { PasswordHash } from "./htpasswd.ts";
import { fits } from "./password-check.ts";

export type PasswordAsked = {
  readonly id: number;
  readonly password: string;
  readonly hash: PasswordHash;
};

export type PasswordTold = { readonly id: number; readonly isRight: boolean };

const port = parentPort;
port?.on("message", ({ id, password, hash }: PasswordAsked) => {
  port.postMessage({ id, isRight: fits(password, hash) } satisfies PasswordTold);
});
