/** What is found out about a set-up before anything is written: settings, logins, and what has no meaning here. */

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
