/** The configuration of the image, read from its Dockerfile: what Docker would make of these instructions. */

const nanoseconds = { s: 1e9, m: 60e9, h: 3600e9 };

function duration(text) {
  const [, amount, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  return Number(amount) * nanoseconds[unit];
}

/** `NAME=value`, the value in quotes or not. */
function pair(text) {
  const [, name, quoted, plain] = /^(\S+?)=(?:"(.*)"|(.*))$/.exec(text) ?? [];
  return [name, quoted ?? plain];
}

function healthcheck(text) {
  const [flags, command] = text.split(" CMD ");
  const of = (name) => new RegExp(`--${name}=(\\S+)`).exec(flags)?.[1] ?? "0s";
  return {
    Test: ["CMD", ...JSON.parse(command)],
    Interval: duration(of("interval")),
    Timeout: duration(of("timeout")),
    StartPeriod: duration(of("start-period")),
  };
}

const instructions = {
  LABEL: (config, text) => {
    const [name, value] = pair(text);
    config.Labels[name] = value;
  },
  ENV: (config, text) => config.Env.push(pair(text).join("=")),
  WORKDIR: (config, text) => {
    config.WorkingDir = text;
  },
  EXPOSE: (config, text) => {
    config.ExposedPorts[`${text}/tcp`] = {};
  },
  VOLUME: (config, text) => {
    for (const path of JSON.parse(text)) config.Volumes[path] = {};
  },
  STOPSIGNAL: (config, text) => {
    config.StopSignal = text;
  },
  ENTRYPOINT: (config, text) => {
    config.Entrypoint = JSON.parse(text);
  },
  HEALTHCHECK: (config, text) => {
    config.Healthcheck = healthcheck(text);
  },
  // The base, and what is in it, is rootfs.tar here.
  ...Object.fromEntries(["ARG", "FROM", "ADD"].map((name) => [name, () => undefined])),
};

/** Throws where an instruction is none of those that are known here. */
export function imageConfig(dockerfile, { values, kind, diff, time }) {
  const config = { Env: [], Labels: {}, ExposedPorts: {}, Volumes: {} };
  const lines = dockerfile.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) {
    const [, name, written] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    const read = instructions[name];
    if (read === undefined) throw new Error(`nothing is known here of: ${line}`);
    read(
      config,
      written.replace(/\$\{(\w+)\}/g, (_whole, variable) => values[variable] ?? ""),
    );
  }
  const created = new Date(time * 1_000).toISOString().replace(".000", "");
  return {
    ...{ architecture: kind, os: "linux", created, config },
    rootfs: { type: "layers", diff_ids: [`sha256:${diff}`] },
    history: [{ created, created_by: "ADD rootfs.tar /" }],
  };
}
