/** An item of `--help`: beside its flag where there is room for that, else below it. */
import { Help } from "commander";

/** What commander itself takes for too narrow a column of text. */
const narrowest = 40;

/** For `configureHelp`. */
export function formatItem(
  term: string,
  termWidth: number,
  description: string,
  helper: Help,
): string {
  const width = helper.helpWidth ?? 80;
  if (width - termWidth - 4 >= narrowest || description === "") {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  const text = helper.boxWrap(description, width - 6).replaceAll("\n", "\n      ");
  return `  ${term}\n      ${text}`;
}
