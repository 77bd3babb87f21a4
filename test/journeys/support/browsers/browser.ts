/** One page of a real browser. */
export type Browser = {
  readonly name: string;
  readonly open: (url: string) => Promise<void>;
  /** What a script of the open page's own origin evaluates to. */
  readonly run: (expression: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
};
