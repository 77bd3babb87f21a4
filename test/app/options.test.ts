import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { settingOptions } from "../../src/app/options.ts";

function help(): string {
  const program = new Command("entrepot");
  for (const option of settingOptions()) program.addOption(option);
  return program.configureHelp({ helpWidth: 400 }).helpInformation();
}

describe("the flags", () => {
  it("have a title, what they take, their variable and their default", () => {
    const text = help();
    expect(text).toMatch(/\nListeners:\n/);
    expect(text).toMatch(/--port <port> +Port of the public listener.* \(PORT; default 3128\)/);
    expect(text).toMatch(/--intercept <auto\|named> +Whether /);
    expect(text).toMatch(/--tls-port <port> .*\(TLS_PORT\)/);
  });

  it("take the file of a secret, never the secret", () => {
    const text = help();
    expect(text).toMatch(
      /--auth-registries-file <file> .*\(AUTH_REGISTRIES or AUTH_REGISTRIES_FILE\)/,
    );
    expect(text).not.toMatch(/--(?:auth-registries|admin-token|token-secret|proxy-auth) /);
  });

  it("read --no-proxy as the setting it is", () => {
    const program = new Command("entrepot");
    const options = settingOptions();
    for (const option of options) program.addOption(option);
    program.parse(["--no-proxy", "lan"], { from: "user" });
    const option = options.find((each) => each.setting === "NO_PROXY");
    expect(program.opts()[option?.attributeName() ?? ""]).toBe("lan");
  });
});
