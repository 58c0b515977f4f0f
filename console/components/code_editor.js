import { h } from "vue";
import {
  Decoration, EditorState, EditorView, MatchDecorator, StateEffect, StateField, ViewPlugin, Compartment,
  defaultKeymap, drawSelection, history, historyKeymap, keymap, lineNumbers,
} from "nicegui-codemirror";

const QUIET_MS = 200;

// Colours come from the style sheet; what is coloured is only a help for the eye and decides nothing.
const marking = (regexp, names) =>
  ViewPlugin.fromClass(
    class {
      constructor(view) {
        this.matcher = new MatchDecorator({
          regexp,
          decorate: (add, from, to, match) => {
            const name = names.find((candidate) => match.groups[candidate] !== undefined);
            const text = match.groups[name];
            const start = from + match[0].indexOf(text);
            add(start, start + text.length, Decoration.mark({ class: `tok-${name}` }));
          },
        });
        this.marks = this.matcher.createDeco(view);
      }
      update(update) {
        this.marks = this.matcher.updateDeco(update, this.marks);
      }
    },
    { decorations: (plugin) => plugin.marks },
  );
const KINDS = {
  yaml: marking(/(?<comment>(?:^|\s)#.*$)|(?<key>[\w$]+)(?=:(?:\s|$))/gm, ["comment", "key"]),
  plain: marking(
    /(?<comment>^\s*#.*$)|(?<amount>[$€£¥]\s?[\d,.]+\d|\b[\d,.]*\d\s[A-Z]{3}\b)|(?<effect>\b(?:denied|allowed|approval|flagged)\b)/gm,
    ["comment", "amount", "effect"],
  ),
  values: [],
};

const setProblems = StateEffect.define();
const problemMarks = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    marks = marks.map(transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setProblems)) marks = effect.value;
    return marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function marksOf(problems, doc) {
  const ranges = [];
  for (const { line, column } of problems) {
    if (line < 1 || line > doc.lines) continue;
    const { from, to, text } = doc.line(line);
    ranges.push(Decoration.line({ class: "line-wrong" }).range(from));
    const start = Math.min(from + Math.max(column - 1, 0), to);
    const word = /^\S+/.exec(text.slice(start - from));
    if (word) ranges.push(Decoration.mark({ class: "text-wrong" }).range(start, start + word[0].length));
  }
  return Decoration.set(ranges, true);
}

export default {
  props: {
    label: String, text: String, edition: Number, saved: String, kind: String, problems: Array,
    reveal: Object, backup: String, base: String, longest: Number,
  },
  data: () => ({ tooLong: false }),
  emits: ["change", "restored", "save"],
  watch: {
    edition() {
      this.replace(this.text);
    },
    saved() {
      this.keep();
    },
    base() {
      this.keep();
    },
    backup(now, before) {
      sessionStorage.removeItem(before);
    },
    kind() {
      this.view.dispatch({ effects: this.coloured.reconfigure(KINDS[this.kind]) });
    },
    problems() {
      this.view.dispatch({ effects: setProblems.of(marksOf(this.problems, this.view.state.doc)) });
    },
    reveal({ line, column }) {
      const found = this.view.state.doc.line(Math.min(Math.max(line, 1), this.view.state.doc.lines));
      this.view.dispatch({ selection: { anchor: Math.min(found.from + Math.max(column - 1, 0), found.to) }, scrollIntoView: true });
      this.view.focus();
    },
  },
  mounted() {
    this.coloured = new Compartment();
    this.view = new EditorView({
      parent: this.$refs.place,
      state: EditorState.create({
        doc: this.text,
        extensions: [
          lineNumbers(), history(), drawSelection(), EditorView.lineWrapping, problemMarks,
          keymap.of([
            { key: "Mod-s", preventDefault: true, run: () => (this.tell(), this.$emit("save"), true) },
            ...defaultKeymap, ...historyKeymap,
          ]),
          this.coloured.of(KINDS[this.kind]),
          EditorView.contentAttributes.of({ "aria-label": this.label, "aria-multiline": "true", spellcheck: "false" }),
          EditorState.changeFilter.of((change) => {
            this.tooLong = change.newDoc.length > this.longest;
            return !this.tooLong;
          }),
          EditorView.updateListener.of((update) => update.docChanged && this.changed()),
          EditorView.domEventHandlers({ blur: () => void this.tell() }),
        ],
      }),
    });
    window.addEventListener("beforeunload", this.leaving);
    this.restore();
  },
  beforeUnmount() {
    window.removeEventListener("beforeunload", this.leaving);
    clearTimeout(this.pause);
    this.view.destroy();
  },
  methods: {
    written() {
      return this.view.state.doc.toString();
    },
    replace(text) {
      const old = this.written();
      let start = 0;
      while (start < old.length && start < text.length && old[start] === text[start]) start++;
      let end = 0;
      while (end < Math.min(old.length, text.length) - start && old[old.length - 1 - end] === text[text.length - 1 - end]) end++;
      this.silent = true;
      this.view.dispatch({ changes: { from: start, to: old.length - end, insert: text.slice(start, text.length - end) } });
      this.silent = false;
      this.keep();
    },
    changed() {
      if (this.silent) return;
      this.keep();
      this.untold = true;
      clearTimeout(this.pause);
      this.pause = setTimeout(this.tell, QUIET_MS);
    },
    // Leaving the field tells at once, so that a click on a button never acts on older text.
    tell() {
      clearTimeout(this.pause);
      if (!this.untold) return;
      this.untold = false;
      this.$emit("change", this.written());
    },
    // The browser keeps what is not saved until it is, so that a lost connection or a reload loses no text.
    keep() {
      const text = this.written();
      if (text === this.saved) sessionStorage.removeItem(this.backup);
      else sessionStorage.setItem(this.backup, JSON.stringify({ text, kind: this.kind, base: this.base }));
    },
    restore() {
      let kept;
      try {
        kept = JSON.parse(sessionStorage.getItem(this.backup));
      } catch {
        kept = null;
      }
      if (typeof kept?.text === "string" && kept.text !== this.saved && kept.kind in KINDS) {
        this.replace(kept.text);
        this.$emit("restored", kept);
      }
    },
    leaving(event) {
      if (this.written() !== this.saved) event.preventDefault();
    },
  },
  render() {
    return h("div", [
      h("div", { ref: "place", class: "editor" }),
      this.tooLong ? h("p", { class: "refusal editor-note", role: "alert" }, `That was not taken over: ${this.longest} characters are the most.`) : null,
    ]);
  },
};
