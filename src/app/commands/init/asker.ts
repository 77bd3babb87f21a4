/** Who is asked: a person at a terminal, or nobody, and then what is usual holds. */
import { InitError } from "./draft.ts";

export interface Asker {
  /** False where what is usual is all there is to be had. */
  readonly isPerson: boolean;
  /** Said between two questions. */
  tell(sentence: string): void;
  text(
    question: string,
    usual: string,
    check?: (text: string) => string | undefined,
  ): Promise<string>;
  secret(question: string): Promise<string>;
  /** `usual` is what Enter means. */
  confirm(question: string, usual: boolean): Promise<boolean>;
  choose<T extends string>(question: string, choices: readonly Choice<T>[]): Promise<T>;
  /** Any number of them; `usual` are what Enter means. */
  several(
    question: string,
    choices: readonly string[],
    usual: readonly string[],
  ): Promise<readonly string[]>;
}

export type Choice<T extends string> = { readonly value: T; readonly label: string };

/** For scripts: everything as is usual. */
export const nobody: Asker = {
  isPerson: false,
  tell: () => undefined,
  several: async (_question, _choices, usual) => usual,
  text: async (_question, usual) => usual,
  secret: async () => "",
  confirm: async (_question, usual) => usual,
  choose: async (_question, [first]) => {
    if (first === undefined) throw new TypeError("a question without choices");
    return first.value;
  },
};

/** Throws InitError when the person has had enough. */
export async function person(): Promise<Asker> {
  // Only a person needs it.
  const prompts = await import("@clack/prompts");
  const answered = <T>(answer: T | symbol): T => {
    if (typeof answer === "symbol") throw new InitError("stopped; nothing was written");
    return answer;
  };
  return {
    isPerson: true,
    tell: (sentence) => prompts.log.info(sentence),
    several: async (message, choices, usual) => {
      const options = choices.map((value) => ({ value, label: value }));
      const asked = { message, options, initialValues: [...usual], required: false };
      return answered<string[]>(await prompts.multiselect(asked));
    },
    text: async (message, usual, check) => {
      const validate = (value = "") => check?.(value || usual);
      const placeholder = usual || "none";
      const given = await prompts.text({ message, placeholder, defaultValue: usual, validate });
      return answered<string>(given).trim();
    },
    secret: async (message) => answered<string>(await prompts.password({ message })),
    confirm: async (message, initialValue) =>
      answered<boolean>(await prompts.confirm({ message, initialValue })),
    choose: async (message, choices) => {
      const options = choices.map(({ value, label }) => ({ value: value as string, label }));
      return answered<string>(await prompts.select({ message, options })) as never;
    },
  };
}
