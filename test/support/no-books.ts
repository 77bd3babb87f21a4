import type { Bookkeeping } from "../../src/download/bookkeeping.ts";

/** For tests in which nobody wants to know what is kept. */
export const noBooks: Bookkeeping = { stored: () => undefined, gone: () => undefined };
