/** The overlay with all keys and gestures. */
import { ask } from "./dialog";
import { el } from "./dom";
import { POINTER } from "./keys";
import type { Command } from "./keys";

/** Show the help for these commands. */
export async function showHelp(commands: readonly Command[]): Promise<void> {
  const groups = ["Label", "Look", "Go", "Undo"] as const;
  const sections = groups.map((group) => {
    const rows = commands.filter((one) => one.group === group && one.text !== "");
    return section(
      group,
      rows.map((one) => [one.shown ?? one.keys.join(" / "), one.text]),
    );
  });
  const body = [el("div", { class: "help-columns" }, [section("Pointer", POINTER), ...sections])];
  await ask({ title: "Keys and gestures", body, class: "wide" });
}

function section(title: string, rows: readonly (readonly [string, string])[]): HTMLElement {
  const list = el("dl", { class: "keys" });
  for (const [keys, text] of rows) {
    list.append(
      el(
        "dt",
        {},
        keys.split(" / ").map((key) => el("kbd", {}, key)),
      ),
      el("dd", {}, text),
    );
  }
  return el("section", {}, [el("h3", {}, title), list]);
}
