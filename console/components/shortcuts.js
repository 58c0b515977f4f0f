import { h } from "vue";

// `/` and `?` work on every page; the table adds its own keys.
export default {
  props: { keys: Array },
  mounted() {
    document.addEventListener("keydown", this.key);
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
  },
  methods: {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select")) return;
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "?") this.$refs.dialog.showModal();
      else if (event.key === "/" && document.querySelector("[data-search]")) document.querySelector("[data-search]").focus();
      else return;
      event.preventDefault();
    },
  },
  render() {
    const close = () => this.$refs.dialog.close();
    return h("dialog", { ref: "dialog", class: "dialog", "aria-label": "Keyboard shortcuts", onClick: (event) => event.target === this.$refs.dialog && close() }, [
      h("div", { class: "dialog-body" }, [
        h("h2", { class: "dialog-title" }, "Keyboard shortcuts"),
        h("dl", { class: "shortcuts" }, this.keys.map(([keys, does]) => h("div", [h("dt", keys.map((key) => h("kbd", key))), h("dd", does)]))),
        h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "button button-plain", onClick: close }, "Close")),
      ]),
    ]);
  },
};
