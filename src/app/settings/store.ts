/** Where blobs are kept beside the disk. */
import { choice, text, truth, verbatim } from "./kind.ts";
import { optional } from "./setting.ts";
import { storePlace } from "./store-kinds.ts";

export const store = {
  title: "Store",
  settings: {
    place: optional({
      name: "STORE",
      kind: storePlace,
      help: `Where blobs are kept: disk, or a bucket in S3 behind it, as
        s3://bucket/prefix?endpoint=http://minio:9000&region=us-east-1. Then everything that is kept goes there
        too, and what the disk has no room for is read from there. Left out, disk.`,
    }),
    accessKey: optional({
      name: "S3_ACCESS_KEY",
      kind: text,
      isSecret: true,
      help: "The bucket's login; left out, whatever the machine has for Amazon (environment, ~/.aws, its role).",
    }),
    secretKey: optional({
      name: "S3_SECRET_KEY",
      kind: verbatim,
      isSecret: true,
      help: "Its secret.",
    }),
    redirect: optional({
      name: "S3_REDIRECT",
      kind: truth,
      help: `Whether clients of mirror names are sent to the bucket for layers that everybody may have, where
        they have them by an address that is good for ten minutes. They have to reach the endpoint as STORE
        spells it. Left out, false.`,
    }),
    registryStorage: optional({
      name: "REGISTRY_STORAGE",
      kind: choice("s3", "filesystem"),
      hasFlag: false,
      help: `As Docker's registry has it: s3 with the variables below is a STORE of the same bucket, in a folder
        entrepot of its own; what that registry keeps there is left alone.`,
    }),
    registryBucket: optional({
      name: "REGISTRY_STORAGE_S3_BUCKET",
      kind: text,
      hasFlag: false,
      help: "The bucket.",
    }),
    registryRegion: optional({
      name: "REGISTRY_STORAGE_S3_REGION",
      kind: text,
      hasFlag: false,
      help: "Its region.",
    }),
    registryEndpoint: optional({
      name: "REGISTRY_STORAGE_S3_REGIONENDPOINT",
      kind: text,
      hasFlag: false,
      help: "Where it answers, where that is not Amazon.",
    }),
    registryAccessKey: optional({
      name: "REGISTRY_STORAGE_S3_ACCESSKEY",
      kind: text,
      isSecret: true,
      hasFlag: false,
      help: "Its login.",
    }),
    registrySecretKey: optional({
      name: "REGISTRY_STORAGE_S3_SECRETKEY",
      kind: verbatim,
      isSecret: true,
      hasFlag: false,
      help: "Its secret.",
    }),
    registryRoot: optional({
      name: "REGISTRY_STORAGE_S3_ROOTDIRECTORY",
      kind: text,
      hasFlag: false,
      help: "The folder in the bucket under which everything lies.",
    }),
    registryRedirectDisable: optional({
      name: "REGISTRY_STORAGE_REDIRECT_DISABLE",
      kind: truth,
      hasFlag: false,
      help: "Whether nobody is sent to the bucket: false is S3_REDIRECT=true.",
    }),
    registrySecure: optional({
      name: "REGISTRY_STORAGE_S3_SECURE",
      kind: truth,
      hasFlag: false,
      help: "Whether an endpoint that is written without a scheme speaks TLS.",
    }),
  },
} as const;
