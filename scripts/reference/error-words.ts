/** What each code of the sources' closed lists means, and what to do then. One without words is an error of types. */
import type { DownloadErrorCode } from "../../src/download/download-error.ts";
import type { RegistryErrorCode } from "../../src/protocol/registry-error.ts";
import type { ClientGone } from "../../src/registry/answer/client-gone.ts";
import type { StoreErrorCode } from "../../src/store/store-error.ts";
import type { UpstreamErrorCode } from "../../src/upstream/upstream-error.ts";

type Words = { readonly means: string; readonly next: string };

export type Table<Code extends string> = Readonly<Record<Code, Words>>;

export const answerWords: Table<RegistryErrorCode> = {
  BLOB_UNKNOWN: {
    means: "The repository has no such layer or config, or this client may not have it.",
    next: "Pull the image by its tag again: what it refers to may have been removed. Where it is private, log in.",
  },
  BLOB_UPLOAD_INVALID: {
    means: "The upload cannot go on where the client wants to.",
    next: "Push again; clients begin a new upload by themselves.",
  },
  BLOB_UPLOAD_UNKNOWN: {
    means: "There is no such upload: it has ended, was given up, or was never begun.",
    next: "Push again.",
  },
  DENIED: {
    means: "A rule forbids it, here or at the registry; the message names the setting.",
    next: "Change what the message names on the proxy (`POLICY`, `HOSTED_RULES`, `REGISTRIES`, `ALLOW_CLIENTS` …), or ask who runs it.",
  },
  DIGEST_INVALID: {
    means: "A digest is malformed, or the bytes sent are not those of it.",
    next: "Push again; if it stays so, what lies between client and proxy changes bytes.",
  },
  MANIFEST_BLOB_UNKNOWN: {
    means: "A manifest was pushed that refers to something which is not in the repository.",
    next: "Push the layers first (engines do), or set `HOSTED_SPARSE` if indexes are to stand without all their platforms.",
  },
  MANIFEST_INVALID: {
    means: "What was pushed is no manifest, is over 4 MiB, or is of a kind that is not kept.",
    next: "Build the image again with a current client.",
  },
  MANIFEST_UNKNOWN: {
    means:
      "There is no such image, or this client may not see it: a mirror turns the registry's 401 and 403 into this.",
    next: "Check the name and the tag. For a private image give the proxy a login (`AUTH_REGISTRIES`), or go through the forward proxy with your own.",
  },
  NAME_INVALID: {
    means: "The repository's name or the path is malformed.",
    next: "Names are lower case: letters, digits, `.`, `_`, `-` and `/`.",
  },
  NAME_UNKNOWN: {
    means: "There is no such repository, or no registry of that name is reached here.",
    next: "Check the name; a registry that nobody knows goes into `REGISTRIES`.",
  },
  PAGINATION_NUMBER_INVALID: {
    means: "The list was asked for with an `n` that is no number.",
    next: "Leave `n` out or write a number.",
  },
  RANGE_INVALID: {
    means: "The bytes asked for, or the place an upload is to go on from, are not there.",
    next: "Ask for a range within the size, or ask the upload how far it is (`GET`).",
  },
  SIZE_INVALID: {
    means: "It is larger than may be kept, or not as long as was said.",
    next: "Raise the limit that the message names, or push again.",
  },
  TAG_INVALID: {
    means: "The tag is malformed.",
    next: "Tags are at most 128 letters, digits, `.`, `_` and `-`.",
  },
  TOOMANYREQUESTS: {
    means: "The registry's limit is reached, or too much is asked of this proxy at once.",
    next: "Wait for as long as `Retry-After` says. A login at the registry raises its limit: [logins](../guides/logins.md).",
  },
  UNAUTHORIZED: {
    means: "A login is needed, or the one given is wrong or has expired.",
    next: "`docker login` for that registry; a pull begins with this answer and goes on by itself.",
  },
  UNAVAILABLE: {
    means:
      "It cannot be had right now; `detail.reason` says why where a registry is the cause (next table).",
    next: "Try again; the proxy's log has the cause.",
  },
  UNKNOWN: {
    means: "The proxy failed.",
    next: "Look into its log, and report it: this is a bug.",
  },
  UNSUPPORTED: {
    means: "This is not done here: pushing is turned off, or there is no such request.",
    next: "The message names the setting (`ALLOW_PUSH`, `HOSTED_READ_ONLY`), if there is one.",
  },
};

export const upstreamWords: Table<UpstreamErrorCode> = {
  DNS: {
    means: "The registry's name does not resolve on the proxy's machine.",
    next: "`getent hosts NAME` there; mend its resolver, or the name.",
  },
  CONNECT: {
    means:
      "Nobody listens there, the network cannot reach it, or the corporate proxy wants a login (407).",
    next: "`curl -v https://NAME/v2/` on the proxy's machine; check firewall, `HTTPS_PROXY`, `UPSTREAM_FAMILY`.",
  },
  TLS: {
    means: "Its certificate is not trusted, is another name's, or no version of TLS is common.",
    next: "Put its CA into `UPSTREAM_CA`; `entrepot doctor` says what is wrong with it.",
  },
  NO_TLS: {
    means: "A registry that you named speaks no TLS on that port.",
    next: "Write it with `http://` in `REGISTRIES`.",
  },
  TIMEOUT: {
    means: "No connection within 5 s, no headers within 25 s, or no byte for 30 s.",
    next: "Try again; `entrepot stats` and the dashboard show how that registry does.",
  },
  RESET: {
    means:
      "The connection ended in the middle, five times in a row without progress, three times where nothing came.",
    next: "Try again. What came is kept, and the next pull goes on from there.",
  },
  FORBIDDEN: {
    means: "The destination may not be dialled: a private address, a port, loopback.",
    next: "Name the registry in `REGISTRIES`; for loopback, `UPSTREAM_ALLOW_ADDRESSES`.",
  },
  REDIRECT: {
    means: "It redirects too often, in circles, from https to http, or to where nothing may lead.",
    next: "That is the registry's to mend; `LOG_LEVEL=debug` shows each step.",
  },
  TOO_LARGE: {
    means:
      "Headers, a token or a manifest larger than they may be, or bytes packed beyond measure.",
    next: "Look at what that registry sends; it is not kept.",
  },
  PROTOCOL: {
    means: "The answer makes no sense: framing, encoding, or a length that is a lie.",
    next: "Look for a proxy between this one and the registry that changes answers.",
  },
  DOWN: {
    means:
      "It did not answer a moment ago, and is left alone for 15 s where something kept might do.",
    next: "Wait; what is kept is served meanwhile.",
  },
  BUSY: {
    means:
      "256 bodies or 32 other requests are under way there, and no place came free within 20 s.",
    next: "Try again in a moment; the limit is shared fairly by client address.",
  },
  OFFLINE: {
    means: "`OFFLINE` is set, and this is not kept here.",
    next: "Unset `OFFLINE`, or bring the image in: [carry images](../guides/carry-images.md).",
  },
  ABORTED: {
    means: "Whoever asked is gone, or the proxy stops.",
    next: "Nothing.",
  },
};

export const downloadWords: Table<DownloadErrorCode> = {
  WRONG_DIGEST: {
    means:
      "The bytes that came are not those of their digest. Nobody got the whole of them, and nothing is kept.",
    next: "Pull again. If it stays so, the registry or something before it has a damaged copy.",
  },
  WRONG_LENGTH: {
    means: "More or fewer bytes came than the registry said.",
    next: "Pull again; see `PROTOCOL`.",
  },
  NO_PARTS: {
    means: "The registry cannot begin where it is asked to, or has another blob there now.",
    next: "Pull the whole again.",
  },
  DISK: {
    means: "The disk could not be written; clients went on without it.",
    next: "`entrepot doctor`: room, inodes, the volume itself.",
  },
  ABANDONED: {
    means:
      "Nobody reads it any more, and it may not go on alone (`ORPHAN_DOWNLOADS`, `ORPHAN_SIZE`, `ORPHAN_TIME`), or the proxy stops.",
    next: "Nothing: what came is taken up by the next pull within a day.",
  },
  ABORTED: { means: "Whoever asked is gone.", next: "Nothing." },
};

export const storeWords: Table<StoreErrorCode> = {
  FULL: {
    means: "The volume is full.",
    next: "Free some room or lower `CACHE_MAX_SIZE`; pulls go on meanwhile.",
  },
  IO: {
    means: "The volume cannot be read or written.",
    next: "`dmesg`, `entrepot doctor`; who owns the data folder?",
  },
  PAUSED: {
    means: "The volume failed again and again, so that nothing is written for a while.",
    next: "Mend the volume; the proxy tries again by itself.",
  },
  RECORDS: {
    means: "What is remembered of tags, rights and pushes cannot be read or written.",
    next: "Where `RECORDS` names Redis or PostgreSQL, look at that; else at the volume.",
  },
  ARCHIVE: {
    means: "The bucket that `STORE` names cannot be reached, or refuses.",
    next: "`entrepot doctor` says which; pulls go on without it.",
  },
  LOCKED: {
    means: "Another process has the data folder.",
    next: "Stop that one, or give this one a `DATA_DIR` of its own.",
  },
  FORMAT: {
    means: "The data folder is of a later version, or is none.",
    next: "Start the version that wrote it, or name another folder.",
  },
};

export const clientWords: Table<ClientGone["code"]> = {
  LEFT: {
    means: "The client went away before the end; 499 in the log if there was no answer yet.",
    next: "Nothing, unless all do: then they wait too long for something (`ms`, `firstByte`).",
  },
  STOPPED_READING: {
    means: "The client took nothing for 60 s, so it was cut off.",
    next: "Look at the client's disk and network.",
  },
};
