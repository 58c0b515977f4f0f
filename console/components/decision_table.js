import { h } from "vue";
import { shortTime } from "/static/time_format.js";

const COLUMNS = [
  ["amount", "Amount"], ["state", "State"], ["movement", "Movement"], ["customer", "Customer or agent"],
  ["why", "Why"], ["source", "Source"], ["at", "Received"],
];

const svg = (name) => h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `/static/icons.svg#${name}` }));
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog");

// Everything a caller wrote arrives here as a string and leaves as a text node.
export default {
  props: { rows: Array, caption: String },
  data: () => ({ selected: null, arrived: new Set() }),
  watch: {
    rows(rows, before) {
      const known = new Set(before.map((row) => row.id));
      this.arrived = before.length ? new Set(rows.filter((row) => !known.has(row.id)).map((row) => row.id)) : new Set();
    },
  },
  mounted() {
    document.addEventListener("keydown", this.key);
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
  },
  methods: {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (!step || !this.rows.length) return;
      event.preventDefault();
      const at = this.rows.findIndex((row) => row.id === this.selected);
      const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), this.rows.length - 1);
      this.selected = this.rows[next].id;
      this.$nextTick(() => document.getElementById(`row-${this.selected}`)?.querySelector("a").focus());
    },
    open(event, row) {
      if (event.target.closest("a") || window.getSelection()?.toString()) return;
      if (event.metaKey || event.ctrlKey) window.open(row.href, "_blank", "noopener");
      else window.location.assign(row.href);
    },
    cell(row, name) {
      switch (name) {
        case "amount":
          return h("a", { href: row.href, class: "money", title: row.whole === row.amount ? null : row.whole, onFocus: () => (this.selected = row.id) }, row.amount);
        case "state":
          return h("span", { class: `badge badge-${row.tone}` }, [svg(row.icon), h("span", row.state)]);
        case "movement":
          return [
            h("span", row.movement), ...row.marks.map((mark) => h("span", { class: "mark", title: mark.title }, mark.label)),
            row.target ? h("code", { title: row.target }, row.target) : null,
          ];
        case "customer":
          return row.customer ? h("code", row.customer) : h("span", { class: "absent" }, "—");
        case "why":
          return h("span", { title: row.why }, row.why);
        case "source":
          return row.source || h("span", { class: "absent" }, "—");
        default:
          return h("time", { datetime: row.at, title: row.at }, shortTime(row.at));
      }
    },
  },
  render() {
    const heading = ([name, label]) => h("th", { scope: "col", role: "columnheader", class: `col-${name}` }, label);
    const line = (row) =>
      h(
        "tr",
        {
          key: row.id, id: `row-${row.id}`, role: "row", onClick: (event) => this.open(event, row),
          class: { "row-selected": row.id === this.selected, "row-arrived": this.arrived.has(row.id) },
        },
        COLUMNS.map(([name]) => h("td", { role: "cell", class: `col-${name}` }, this.cell(row, name))),
      );
    return h("table", { class: "decisions", role: "table" }, [
      h("caption", { class: "visually-hidden" }, this.caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, COLUMNS.map(heading))),
      h("tbody", { role: "rowgroup" }, this.rows.map(line)),
    ]);
  },
};
