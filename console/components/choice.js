import { h } from "vue";

export default {
  props: { label: String, options: Array, value: String },
  emits: ["change"],
  data() {
    return { chosen: this.value };
  },
  render() {
    const name = `${this.$attrs.id}-choice`;
    const option = ([value, label]) =>
      h("label", { key: value }, [
        h("input", {
          type: "radio", name, value, checked: value === this.chosen,
          onChange: () => {
            this.chosen = value;
            this.$emit("change", value);
          },
        }),
        h("span", label),
      ]);
    return h("fieldset", { class: "choice" }, [h("legend", { class: "field-label" }, this.label), h("div", this.options.map(option))]);
  },
};
