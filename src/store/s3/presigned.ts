/** An address in S3 that anybody may read for a while: signed here, and nobody is asked. */
import type { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Signed, urlOf } from "./s3-http.ts";

/** The library's signer can do this too; its types say no more than that it signs. */
type Presigner = {
  presign(request: Signed, how: { readonly expiresIn: number }): Promise<Signed>;
};

/** `seconds`: within which its reading has to begin. Throws what the library throws, as where it has no login. */
export async function presigned(
  client: S3Client,
  command: GetObjectCommand,
  seconds: number,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const sign = async (request: Signed): Promise<void> => {
    const signer = (await client.config.signer()) as unknown as Presigner;
    const host = request.headers.host ?? "";
    // Whoever reads it sends fields of his own: none but these are in the signature.
    const headers = { host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    resolve(urlOf(await signer.presign({ ...request, headers }, { expiresIn: seconds })));
  };
  const instead = () => async (args: { readonly request: unknown }) => {
    await sign(args.request as Signed);
    return { response: {}, output: { $metadata: {} } };
  };
  const place = { relation: "before", toMiddleware: "httpSigningMiddleware" } as const;
  command.middlewareStack.addRelativeTo(instead, { name: "presigned", ...place });
  await client.send(command);
  return await promise;
}
