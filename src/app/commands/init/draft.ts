/** What is found out about a set-up before anything is written: settings, logins, and what has no meaning here. */

import { isObject } from "../../settings/fields.ts";

/** Ends the reading: the set-up does something that settings of ours would undo in silence. */
export class InitError extends Error {
  readonly code = "INIT";

  constructor(sentence: string, options?: ErrorOptions) {
    super(sentence, options);
    this.name = "InitError";
  }
}

export type OldLogin = { readonly host: string; readonly user: string; readonly password: string };

/** A setting that makes something less safe, and so is asked about. */
export type Question = {
  /** `VERIFY_SSL=false`: what made it necessary. */
  readonly about: string;
  readonly question: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What holds while nobody has said yes. */
  readonly otherwise: string;
  /** Without a yes nothing is written. */
  readonly isNeeded?: true;
};

/** A file of the old set-up's, which may lie elsewhere on this machine. */
export type OldFile = {
  readonly key: string;
  readonly question: string;
  readonly usual: string;
};

export class Draft {
  /** By key of the YAML file, in the order in which they are written. */
  readonly settings = new Map<string, unknown>();
  /** By the same key: why it is as it is. */
  readonly comments = new Map<string, string>();
  readonly logins: OldLogin[] = [];
  /** Other secrets, by the flag that takes their file. */
  readonly secrets = new Map<string, string>();
  /** A sentence for each thing that has no meaning here, or needs a look. */
  readonly notes: string[] = [];
  readonly questions: Question[] = [];
  readonly places: OldFile[] = [];

  set(key: string, value: unknown, comment?: string): void {
    this.settings.set(key, value);
    if (comment !== undefined) this.comments.set(key, comment);
  }

  /** Adds to a list, each item once. */
  add(key: string, ...items: readonly string[]): void {
    const before = this.settings.get(key);
    const all = [...(Array.isArray(before) ? (before as string[]) : []), ...items];
    this.settings.set(key, [...new Set(all)]);
  }

  /** Adds to a map. */
  put(key: string, name: string, value: string): void {
    const before = this.settings.get(key);
    this.settings.set(key, { ...(before as Record<string, string> | undefined), [name]: value });
  }

  /** A host is called otherwise wherever it stands. */
  rename(from: string, to: string): void {
    const renamed = (value: unknown): unknown => {
      if (value === from) return to;
      if (Array.isArray(value)) return value.map(renamed);
      if (!isObject(value)) return value;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamed(one)]));
    };
    for (const [key, value] of this.settings) this.settings.set(key, renamed(value));
    this.#replaceLogins((login) => (login.host === from ? { ...login, host: to } : login));
  }

  /** In the place of the one that is there for that host. */
  replaceLogin(login: OldLogin): void {
    this.#replaceLogins((other) => (other.host === login.host ? login : other));
  }

  #replaceLogins(change: (login: OldLogin) => OldLogin): void {
    this.logins.splice(0, this.logins.length, ...this.logins.map(change));
  }

  note(sentence: string): void {
    if (!this.notes.includes(sentence)) this.notes.push(sentence);
  }

  /** The first login of a host stands, unless another says otherwise, which is told of. */
  login({ host, user, password }: OldLogin): void {
    const other = this.logins.find((each) => each.host === host);
    if (other === undefined) this.logins.push({ host, user, password });
    else if (other.user !== user || other.password !== password) {
      this.note(`${host} has two logins; the one of ${other.user} is kept`);
    }
  }
}
