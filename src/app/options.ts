/** The flags of the command line, one for each setting that has one, under the titles of the reference. */
import { Option } from "commander";
import { fileVariableOf, flagOf, type Group, type Setting } from "./settings/setting.ts";
import { groups } from "./settings/settings.ts";

/** A flag that knows which setting it is for. */
export class SettingOption extends Option {
  readonly setting: string;

  constructor(setting: Setting<unknown>, flag: string) {
    super(`${flag} <${setting.isSecret ? "file" : setting.kind.word}>`, describe(setting));
    this.setting = setting.name;
    // `--no-proxy` is the name of a setting and not the opposite of `--proxy`.
    this.negate = false;
  }
}

export function settingOptions(): readonly SettingOption[] {
  return Object.values(groups).flatMap((group: Group) =>
    Object.values(group.settings).flatMap((setting) => {
      const flag = flagOf(setting);
      if (flag === undefined) return [];
      const option = new SettingOption(setting, flag);
      option.helpGroup(`${group.title}:`);
      return [option];
    }),
  );
}

/** The first sentence of the help, the variable and the default: the reference has the rest. */
function describe(setting: Setting<unknown>): string {
  const help = setting.help.replace(/\s+/g, " ");
  const first = /^.*?[.;](?=\s|$)/.exec(help)?.[0].slice(0, -1) ?? help;
  const file = fileVariableOf(setting);
  const variable = file === undefined ? setting.name : `${setting.name} or ${file}`;
  const isEmpty = setting.default === undefined || ["", "[]"].includes(setting.default.trim());
  const given = isEmpty ? "" : `; default ${setting.default}`;
  return `${first} (${variable}${given})`;
}
