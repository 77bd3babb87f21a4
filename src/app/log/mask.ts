/** Makes text fit for a line of the log: secrets are masked, control characters shown as such. */

const mask = "***";
/** Anything shorter would mask half of every line. */
const shortestSecret = 4;

type Mask = (text: string) => string;

export function maskFor(secrets: Iterable<string>): Mask {
  const hidden = [...secrets]
    .filter((secret) => secret.length >= shortestSecret)
    .sort((one, other) => other.length - one.length);
  return (text) => hidden.reduce((rest, secret) => rest.replaceAll(secret, mask), escaped(text));
}

/** A client must not be able to begin a new line, or to colour a terminal. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
