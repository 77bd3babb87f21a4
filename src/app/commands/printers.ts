/** What prints an answer, by what the answer is. */
import { printGarbage } from "./garbage.ts";
import { printExplanation, printImage, printImages, printStats } from "./readable-answers.ts";

export const printers = {
  images: printImages,
  image: printImage,
  stats: printStats,
  explanation: printExplanation,
  garbage: printGarbage,
} as const;

export type Printed = keyof typeof printers;
