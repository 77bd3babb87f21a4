/** The commands that ask, for the help and for who decides what has to be loaded. */

export const askingCommands = [
  { name: "health", description: "ask the server on this machine whether it is ready" },
  {
    name: "images",
    description: "the images that are kept: ls, show, rm, export, import, import-registry",
  },
  { name: "gc", description: "free what nobody needs of what was pushed here" },
  { name: "stats", description: "what went through in the last day and month" },
  { name: "top", description: "what goes on right now, until it is stopped" },
  { name: "explain", description: "what a pull of an image would do now, and why" },
  { name: "backup", description: "take a backup of what was pushed here, and of the keys" },
  { name: "restore", description: "make a data folder of a backup" },
  { name: "dashboard", description: "print a link that opens the dashboard once" },
] as const;

export function isAsking(word: string | undefined): boolean {
  return askingCommands.some(({ name }) => name === word);
}
