/** The settings make no sense; `problems` holds a sentence each, none with a secret. */
export class SettingsError extends Error {
  readonly code = "SETTINGS";
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
    this.name = "SettingsError";
    this.problems = problems;
  }
}
