import { h } from "vue";
import { distance, shortTime } from "/static/time_format.js";

const SOON_MS = 3_600_000;

const svg = (name) => h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `/static/icons.svg#${name}` }));
const typing = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog");
const badge = ({ label, icon, tone, title }) => h("span", { class: `badge badge-${tone}`, title }, [svg(icon), h("span", label)]);

// Everything a caller wrote arrives here as a string and leaves as a text node.
export default {
  props: { rows: Array, caption: String, cleared: Number },
  emits: ["choose"],
  data: () => ({ at: null, chosen: [], arrived: new Set(), tick: 0 }),
  computed: {
    open() {
      return this.rows.filter((row) => row.votable).map((row) => row.id);
    },
  },
  watch: {
    rows(rows, before) {
      const known = new Set(before.map((row) => row.id));
      this.arrived = before.length ? new Set(rows.filter((row) => !known.has(row.id)).map((row) => row.id)) : new Set();
      if (this.chosen.some((id) => !this.open.includes(id))) this.choose(this.chosen);
    },
    cleared() {
      this.choose([]);
    },
  },
  mounted() {
    document.addEventListener("keydown", this.key);
    this.timer = setInterval(() => this.tick++, 1000);
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
    clearInterval(this.timer);
  },
  methods: {
    choose(ids) {
      this.chosen = this.open.filter((id) => ids.includes(id));
      this.$emit("choose", this.chosen);
    },
    toggle(id) {
      this.choose(this.chosen.includes(id) ? this.chosen.filter((one) => one !== id) : [...this.chosen, id]);
    },
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
      if (event.key === "x" && this.open.includes(this.at)) {
        event.preventDefault();
        this.toggle(this.at);
        return;
      }
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (!step || !this.rows.length) return;
      event.preventDefault();
      const at = this.rows.findIndex((row) => row.id === this.at);
      const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), this.rows.length - 1);
      this.at = this.rows[next].id;
      this.$nextTick(() => document.getElementById(`row-${this.at}`)?.querySelector("a").focus());
    },
    openRow(event, row) {
      if (event.target.closest("a, input, label") || window.getSelection()?.toString()) return;
      if (event.metaKey || event.ctrlKey) window.open(row.href, "_blank", "noopener");
      else window.location.assign(row.href);
    },
    box(checked, label, title, disabled, onChange) {
      return h("label", { class: "pick", title }, [
        h("input", { type: "checkbox", checked, disabled, "aria-label": label, onChange, ".indeterminate": label === "Select all" && this.chosen.length > 0 && !checked }),
      ]);
    },
    due(row) {
      void this.tick;
      const left = new Date(row.deadline) - Date.now();
      if (!row.pending) return h("time", { datetime: row.deadline, title: row.deadline }, shortTime(row.deadline));
      const words = left <= 0 ? "over" : distance(row.deadline).replace(/^in /, "");
      return h("time", { datetime: row.deadline, title: row.deadline, class: left < SOON_MS ? "due-soon" : "" }, words);
    },
    line(row) {
      const cell = (name, ...children) => h("td", { role: "cell", class: `in-${name}` }, children);
      const two = (first, second) => [h("div", { class: "line-1" }, first), h("div", { class: "line-2" }, second)];
      return h(
        "tr",
        {
          key: row.id, id: `row-${row.id}`, role: "row", onClick: (event) => this.openRow(event, row),
          class: { "row-selected": row.id === this.at, "row-picked": this.chosen.includes(row.id), "row-arrived": this.arrived.has(row.id) },
        },
        [
          cell("pick", this.box(
            this.chosen.includes(row.id), `Select ${row.amount} ${row.target ?? ""}`, row.votable ? "" : row.obstacle,
            !row.votable, () => this.toggle(row.id),
          )),
          cell("amount", h("a", { href: row.href, class: "money", title: row.whole === row.amount ? null : row.whole, onFocus: () => (this.at = row.id) }, row.amount)),
          cell("what", ...two(
            [h("span", row.movement), row.target ? h("code", row.target) : null],
            row.customer ? h("code", row.customer) : "no customer given",
          )),
          cell("why", ...two(row.why, [`Asked by ${row.asker}, `, h("time", { datetime: row.asked, title: row.asked }, distance(row.asked))])),
          cell("needs", ...two(row.pending ? row.needs || "nobody more" : badge(row.state), row.people)),
          cell("marks", ...row.marks.map(badge)),
          cell("due", this.due(row)),
        ],
      );
    },
  },
  render() {
    const heading = (name, ...label) => h("th", { scope: "col", role: "columnheader", class: `in-${name}` }, label);
    const all = this.open.length > 0 && this.chosen.length === this.open.length;
    const decided = this.rows.length > 0 && this.rows.every((row) => !row.pending);
    return h("table", { class: ["decisions inbox", { "inbox-decided": decided }], role: "table" }, [
      h("caption", { class: "visually-hidden" }, this.caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, [
        heading("pick", this.box(all, "Select all", "Select all that you may vote on", !this.open.length, () => this.choose(all ? [] : this.open))),
        heading("amount", "Amount"), heading("what", "Movement"), heading("why", "Why"),
        heading("needs", decided ? "Ended" : "Still needs"), heading("marks", h("span", { class: "visually-hidden" }, "Marks")),
        heading("due", decided ? "When" : "Time left"),
      ])),
      h("tbody", { role: "rowgroup" }, this.rows.map(this.line)),
    ]);
  },
};
