import { h } from "vue";

const NEXT = { system: "light", light: "dark", dark: "system" };

export default {
  data: () => ({ choice: window.axiruTheme.choice() }),
  render() {
    return h(
      "button",
      {
        type: "button", class: "button button-quiet theme-toggle",
        "aria-label": `Theme: ${this.choice}. Switch to ${NEXT[this.choice]}.`, title: `Theme: ${this.choice}`,
        onClick: () => (this.choice = window.axiruTheme.choose(NEXT[this.choice])),
      },
      h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `/static/icons.svg#theme-${this.choice}` })),
    );
  },
};
