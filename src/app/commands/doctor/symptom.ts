/** What a look at one thing came to, in a line each. */
export type Symptom = {
  /** `mind` works today and may not tomorrow. */
  readonly mark: "well" | "mind" | "wrong";
  readonly what: string;
  /** What to write or type. */
  readonly mend?: string;
};

export function well(what: string): Symptom {
  return { mark: "well", what };
}

export function mind(what: string, mend: string): Symptom {
  return { mark: "mind", what, mend };
}

export function wrong(what: string, mend: string): Symptom {
  return { mark: "wrong", what, mend };
}
