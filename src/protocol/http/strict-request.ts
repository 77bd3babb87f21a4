/**
 * What Node's parser lets through and two servers might read in two ways: several Host fields, a
 * body where none belongs, odd codings. Checked for every request before anything else looks at it.
 */

export type RequestHead = {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
};

const maxTargetLength = 8192;
const maxFields = 100;
/** Node's parser also takes 0.9 and 2.0, which have no such heads. */
const versions: ReadonlySet<string> = new Set(["1.1", "1.0"]);
const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "CONNECT", "TRACE"]);

/** A sentence saying why the request must be refused with 400, or undefined when it is sound. */
export function requestFault(head: RequestHead): string | undefined {
  if (!versions.has(head.httpVersion)) return `HTTP/1.1 is spoken here, not ${head.httpVersion}`;
  if (head.target.length > maxTargetLength) return "the request target is longer than 8 KiB";
  if (!/^[\x21-\x22\x24-\x7e]+$/.test(head.target))
    return "the request target has characters that are not allowed";
  if (head.rawHeaders.length > maxFields * 2)
    return `the request has more than ${maxFields} header fields`;
  const framing = readFraming(head.rawHeaders);
  return hostFault(head, framing) ?? framingFault(head, framing);
}

type Framing = { readonly hosts: string[]; readonly lengths: string[]; readonly codings: string[] };

function readFraming(rawHeaders: readonly string[]): Framing {
  const framing: Framing = { hosts: [], lengths: [], codings: [] };
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const value = rawHeaders[index + 1] ?? "";
    const name = (rawHeaders[index] ?? "").toLowerCase();
    if (name === "host") framing.hosts.push(value);
    else if (name === "content-length") framing.lengths.push(value);
    else if (name === "transfer-encoding") framing.codings.push(value);
  }
  return framing;
}

function hostFault(head: RequestHead, { hosts }: Framing): string | undefined {
  if (hosts.length > 1) return "the request has more than one Host field";
  if (hosts.length === 0 && head.httpVersion === "1.1") return "the request has no Host field";
  return undefined;
}

function framingFault(head: RequestHead, framing: Framing): string | undefined {
  const { lengths, codings } = framing;
  if (lengths.length > 1) return "the request has more than one Content-Length field";
  if (lengths.some((value) => !/^\d{1,15}$/.test(value))) {
    return "the Content-Length is not a number";
  }
  const fault = codings.length > 0 ? codingFault(head, framing) : undefined;
  if (fault !== undefined) return fault;
  const hasBody = codings.length > 0 || Number(lengths[0] ?? 0) > 0;
  if (!hasBody || !bodiless.has(head.method)) return undefined;
  return `a ${head.method} request must not have a body`;
}

function codingFault(head: RequestHead, { lengths, codings }: Framing): string | undefined {
  if (head.httpVersion !== "1.1") return "Transfer-Encoding needs HTTP/1.1";
  if (lengths.length > 0) return "the request has both Content-Length and Transfer-Encoding";
  if (codings.length > 1 || codings[0]?.trim().toLowerCase() !== "chunked") {
    return "Transfer-Encoding other than chunked is not supported";
  }
  return undefined;
}
