import { h } from "vue";

export default {
  props: { text: String, label: String },
  data: () => ({ copied: false }),
  render() {
    return h(
      "button",
      {
        type: "button", class: "copy", "aria-label": this.copied ? "Copied" : `Copy ${this.label}`, title: `Copy ${this.label}`,
        onClick: async () => {
          await navigator.clipboard.writeText(this.text);
          this.copied = true;
          setTimeout(() => (this.copied = false), 1500);
        },
      },
      h("svg", { class: "icon", "aria-hidden": "true" }, h("use", { href: `/static/icons.svg#${this.copied ? "check" : "copy"}` })),
    );
  },
};
