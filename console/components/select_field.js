import { h } from "vue";

export default {
  props: { label: String, hint: String, options: Array, value: String },
  emits: ["change"],
  data() {
    return { chosen: this.value };
  },
  watch: {
    value(value) {
      this.chosen = value;
    },
  },
  render() {
    const id = `${this.$attrs.id}-control`;
    const option = ([value, label]) => h("option", { key: value, value, selected: value === this.chosen }, label);
    return h("div", { class: "field" }, [
      h("label", { for: id, class: "field-label" }, this.label),
      h(
        "select",
        {
          id, class: "control", "aria-describedby": this.hint ? `${id}-notes` : undefined,
          onChange: (event) => {
            this.chosen = event.target.value;
            this.$emit("change", this.chosen);
          },
        },
        this.options.map(option),
      ),
      this.hint ? h("p", { id: `${id}-notes`, class: "field-notes" }, this.hint) : null,
    ]);
  },
};
