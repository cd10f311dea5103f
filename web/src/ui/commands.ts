/** What the keys of the editor do. */
import type { Editor } from "../editor";
import type { Crosshair } from "./crosshair";
import { remove, rename } from "./instances";
import type { Command } from "./keys";
import type { ViewCard } from "./viewcard";

export interface Parts {
  readonly card: ViewCard;
  readonly cross: Crosshair;
  help(): void;
  search(): void;
  escape(): void;
  step(direction: 1 | -1): void;
}

const TURN = 40; // CSS pixels of a drag that an arrow key stands for

/** The commands of an editor. */
export function commands(editor: Editor, parts: Parts): Command[] {
  return [
    ...labelling(editor, parts),
    ...looking(editor, parts),
    ...moving(editor, parts),
    ...going(editor, parts),
  ];
}

function labelling(editor: Editor, parts: Parts): Command[] {
  const current = (use: (n: number) => void) => () => {
    if (editor.current !== null) use(editor.current);
  };
  const none = { shift: false, alt: false, ctrl: false };
  const enter = (keys: string, text: string, pressed: Partial<typeof none>): Command => ({
    keys: [keys],
    text,
    group: "Label",
    canvas: true,
    run: () => {
      parts.cross.click({ ...none, ...pressed });
    },
  });
  return [
    {
      keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
      shown: "1 / … / 9",
      group: "Label",
      text: "choose the class with this digit",
      run: ({ key }) => {
        const id = editor.digitClass(Number(key));
        if (id !== null) editor.chooseClass(id);
      },
    },
    {
      keys: ["C", "/"],
      text: "search a class",
      group: "Label",
      run: () => {
        parts.search();
      },
    },
    {
      keys: ["E"],
      text: "end the current instance",
      group: "Label",
      run: () => {
        editor.endCurrent();
      },
    },
    {
      keys: ["N"],
      text: "fly to where a click helps most; again: pass it over",
      group: "Label",
      run: () => {
        editor.nextSuggestion();
      },
    },
    {
      keys: ["Shift+N"],
      text: "the suggestion before",
      group: "Label",
      run: () => {
        editor.previousSuggestion();
      },
    },
    {
      keys: ["F2"],
      text: "rename the current instance",
      group: "Label",
      run: current((n) => void rename(editor, n)),
    },
    {
      keys: ["Shift+Delete"],
      text: "delete the current instance, after a question",
      group: "Label",
      run: current((n) => void remove(editor, n)),
    },
    enter("Enter", "click at the cross, when the scan has the focus", {}),
    enter("Shift+Enter", "", { shift: true }),
    enter("Alt+Enter", "", { alt: true }),
    enter("Ctrl+Enter", "", { ctrl: true }),
    {
      keys: ["Ctrl+Z"],
      text: "undo",
      group: "Undo",
      run: () => {
        editor.undo();
      },
    },
    {
      keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
      text: "redo",
      group: "Undo",
      run: () => {
        editor.redo();
      },
    },
  ];
}

function looking(editor: Editor, parts: Parts): Command[] {
  const { viewer } = editor;
  const side = (key: string, name: "top" | "front" | "left" | "right"): Command => ({
    keys: [key],
    text: name === "top" ? "from the top, the front, the left, the right" : "",
    shown: "T / F / L / R",
    group: "Look",
    run: () => {
      viewer.view(name);
    },
  });
  return [
    {
      keys: ["Space"],
      text: "hold: show the segments",
      group: "Look",
      canvas: true,
      run: () => {
        viewer.hold("segments");
      },
    },
    {
      keys: ["Q"],
      text: "hold: show the scanned colours",
      group: "Look",
      run: () => {
        viewer.hold("original");
      },
    },
    {
      keys: ["P"],
      text: "show the spread labels or not",
      group: "Look",
      run: () => {
        editor.setSpread(!editor.spreadOn);
      },
    },
    {
      keys: ["["],
      text: "",
      group: "Look",
      run: () => {
        parts.card.stepCut(-1);
      },
    },
    {
      keys: ["]"],
      text: "lower or raise the height cut",
      shown: "[ / ]",
      group: "Look",
      run: () => {
        parts.card.stepCut(1);
      },
    },
    {
      keys: ["H"],
      text: "home: the whole scan",
      group: "Look",
      run: () => {
        viewer.home();
      },
    },
    side("T", "top"),
    side("F", "front"),
    side("L", "left"),
    side("R", "right"),
  ];
}

function moving(editor: Editor, parts: Parts): Command[] {
  const { viewer } = editor;
  const steps = [
    ["ArrowLeft", -1, 0],
    ["ArrowRight", 1, 0],
    ["ArrowUp", 0, -1],
    ["ArrowDown", 0, 1],
  ] as const;
  const turns = steps.map(([key, x, y]): Command => ({
    keys: [key],
    text: x < 0 ? "turn" : "",
    shown: "Arrows",
    group: "Look",
    canvas: true,
    run: () => {
      viewer.orbitBy(x * TURN, y * TURN);
      parts.cross.aim();
    },
  }));
  const shifts = steps.map(([key, x, y]): Command => ({
    keys: [`Shift+${key}`],
    text: x < 0 ? "shift" : "",
    shown: "Shift+arrows",
    group: "Look",
    canvas: true,
    run: () => {
      viewer.panBy(x * TURN, y * TURN);
      parts.cross.aim();
    },
  }));
  const zoom = (factor: number) => () => {
    viewer.zoomBy(factor);
    parts.cross.aim();
  };
  return [
    ...turns,
    ...shifts,
    {
      keys: ["+", "="],
      text: "nearer or farther",
      shown: "+ / −",
      group: "Look",
      run: zoom(1.25),
    },
    { keys: ["-", "_"], text: "", group: "Look", run: zoom(0.8) },
  ];
}

function going(editor: Editor, parts: Parts): Command[] {
  return [
    {
      keys: ["PageUp"],
      text: "the scene before",
      group: "Go",
      run: () => {
        parts.step(-1);
      },
    },
    {
      keys: ["PageDown"],
      text: "the next scene",
      group: "Go",
      run: () => {
        parts.step(1);
      },
    },
    {
      keys: ["?"],
      text: "this help",
      group: "Go",
      run: () => {
        parts.help();
      },
    },
    {
      keys: ["Escape"],
      shown: "Esc",
      text: "close, cancel; show all instances",
      group: "Go",
      run: () => {
        parts.escape();
        editor.setMark(null);
        editor.setAlone(null);
      },
    },
  ];
}
