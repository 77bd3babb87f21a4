/** How much is kept, and how long it is believed. */
import { truth, wholeNumber } from "./kind.ts";
import { setting } from "./setting.ts";
import { duration, freeSpace, size } from "./units.ts";

export const cache = {
  title: "Cache",
  settings: {
    maxSize: setting({
      name: "CACHE_MAX_SIZE",
      kind: size,
      default: "32 GiB",
      help: "How much is kept; beyond it the least recently used goes first. A blob of more than that, or of more than 20 GiB, is passed on and not kept.",
    }),
    minFree: setting({
      name: "CACHE_MIN_FREE",
      kind: freeSpace,
      default: "5 % or 1 GiB",
      help: "What stays free on the volume, whichever is more.",
    }),
    tagTtl: setting({
      name: "TAG_TTL",
      kind: duration,
      default: "10 s",
      help: "How long a tag is believed without asking its registry again.",
    }),
    staleIfError: setting({
      name: "STALE_IF_ERROR",
      kind: duration,
      default: "24 h",
      help: "How long a tag or a list is still served, marked as stale, while its registry cannot be asked.",
    }),
    offline: setting({
      name: "OFFLINE",
      kind: truth,
      default: "false",
      help: "Serve what is kept and never ask any registry; what is not kept is a 503 that says so.",
    }),
    orphanDownloads: setting({
      name: "ORPHAN_DOWNLOADS",
      kind: wholeNumber(0, 1_000, "a number"),
      default: "8",
      help: "How many downloads may go on at once for the next client though theirs have all left; 0 for none.",
    }),
    orphanSize: setting({
      name: "ORPHAN_SIZE",
      kind: size,
      default: "4 GiB",
      help: "How large the blobs of all those downloads may be together.",
    }),
    orphanTime: setting({
      name: "ORPHAN_TIME",
      kind: duration,
      default: "10 min",
      help: "How long each of those downloads may go on.",
    }),
    scrubInterval: setting({
      name: "SCRUB_INTERVAL",
      kind: duration,
      default: "7 d",
      help: "How often everything kept is read and hashed again in the background; 0 for never.",
    }),
  },
} as const;
