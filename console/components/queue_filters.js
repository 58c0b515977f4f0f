import { h } from "vue";

const SEARCH_PAUSE_MS = 200;

// Keeps the filters in the address, so that a reload, a bookmark or a colleague sees the same list.
export default {
  props: {
    tabs: Array, state: String, query: String, counts: Object, searches: String, placeholder: String,
    filtered: String, parameters: Array, selects: Array, choices: Object,
  },
  emits: ["change"],
  data() {
    return { chosen: this.state, typed: this.query, picked: { ...this.choices } };
  },
  methods: {
    choose(name) {
      this.chosen = name;
      this.apply();
    },
    pick(name, event) {
      this.picked[name] = event.target.value;
      this.apply();
    },
    search(event) {
      this.typed = event.target.value;
      clearTimeout(this.pause);
      this.pause = setTimeout(this.apply, SEARCH_PAUSE_MS);
    },
    apply() {
      const address = new URL(window.location.href);
      const [state, query] = this.parameters;
      for (const [name, value] of [[state, this.chosen], [query, this.typed], ...Object.entries(this.picked)]) {
        if (value) address.searchParams.set(name, value);
        else address.searchParams.delete(name);
      }
      window.history.replaceState(window.history.state, "", address);
      this.$emit("change", { state: this.chosen, query: this.typed, choices: { ...this.picked } });
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
    select({ name, label, options }) {
      const option = ([value, text]) => h("option", { key: value, value, selected: value === this.picked[name] }, text);
      const change = (event) => this.pick(name, event);
      return h("div", { key: name, class: "pick" }, [
        h("select", { class: "control", "aria-label": label, onChange: change }, options.map(option)),
      ]);
    },
  },
  render() {
    const search = h("label", { class: "search" }, [
      h("span", { class: "visually-hidden" }, this.searches),
      h("input", {
        type: "search", value: this.typed, placeholder: this.placeholder, "data-search": "",
        onInput: this.search,
        onKeydown: (event) => event.key === "Escape" && event.target.blur(),
      }),
      h("kbd", { "aria-hidden": "true" }, "/"),
    ]);
    return h("div", { class: "filters" }, [
      h("div", { class: "tabs", role: "group", "aria-label": this.filtered }, this.tabs.map(this.tab)),
      this.selects.length ? h("div", { class: "picks" }, [...this.selects.map(this.select), search]) : search,
    ]);
  },
};
