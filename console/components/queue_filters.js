import { h } from "vue";

const SEARCH_PAUSE_MS = 200;

// Keeps the filters in the address, so that a reload, a bookmark or a colleague sees the same queue.
export default {
  props: { tabs: Array, state: String, query: String, counts: Object, searches: String, placeholder: String },
  emits: ["change"],
  data() {
    return { chosen: this.state, typed: this.query };
  },
  methods: {
    choose(name) {
      this.chosen = name;
      this.apply();
    },
    search(event) {
      this.typed = event.target.value;
      clearTimeout(this.pause);
      this.pause = setTimeout(this.apply, SEARCH_PAUSE_MS);
    },
    apply() {
      const address = new URL(window.location.href);
      for (const [name, value] of [["state", this.chosen], ["q", this.typed]]) {
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
      window.history.replaceState(window.history.state, "", address);
      this.$emit("change", { state: this.chosen, query: this.typed });
    },
    tab({ name, label }) {
      const count = this.counts?.[name];
      return h(
        "button",
        {
          key: name, type: "button", class: "tab", "aria-pressed": name === this.chosen ? "true" : "false",
          onClick: () => this.choose(name),
        },
        [label, count ? h("span", { class: "count" }, count) : null],
      );
    },
  },
  render() {
    return h("div", { class: "filters" }, [
      h("div", { class: "tabs", role: "group", "aria-label": "Filter by state" }, this.tabs.map(this.tab)),
      h("label", { class: "search" }, [
        h("span", { class: "visually-hidden" }, this.searches),
        h("input", {
          type: "search", value: this.typed, placeholder: this.placeholder, "data-search": "",
          onInput: this.search,
          onKeydown: (event) => event.key === "Escape" && event.target.blur(),
        }),
        h("kbd", { "aria-hidden": "true" }, "/"),
      ]),
    ]);
  },
};
