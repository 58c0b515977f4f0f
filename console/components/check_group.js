import { h } from "vue";

export default {
  props: { label: String, options: Array, value: Array, error: String },
  emits: ["change"],
  data() {
    return { chosen: [...this.value] };
  },
  watch: {
    value(value) {
      this.chosen = [...value];
    },
    error(error) {
      if (error) this.$el.querySelector("input")?.focus();
    },
  },
  methods: {
    set(value, checked) {
      this.chosen = checked ? [...this.chosen, value] : this.chosen.filter((one) => one !== value);
      this.$emit("change", this.chosen);
    },
    option([value, label, explanation]) {
      const id = `${this.$attrs.id}-${value}`;
      return h("div", { key: value, class: "check" }, [
        h("input", {
          id, type: "checkbox", checked: this.chosen.includes(value),
          "aria-describedby": explanation ? `${id}-notes` : undefined,
          onChange: (event) => this.set(value, event.target.checked),
        }),
        h("label", { for: id }, label),
        explanation ? h("p", { id: `${id}-notes`, class: "field-notes" }, explanation) : null,
      ]);
    },
  },
  render() {
    return h("fieldset", { class: ["check-group", { "field-wrong": this.error }] }, [
      h("legend", { class: "field-label" }, this.label),
      h("div", this.options.map(this.option)),
      this.error ? h("p", { class: "field-notes", role: "alert" }, this.error) : null,
    ]);
  },
};
