import { h } from "vue";

const local = (iso) => {
  const at = new Date(iso);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

// A moment in the reader's own time zone; it leaves as the exact instant in UTC.
export default {
  props: { label: String, initial: String, hint: String, error: String },
  emits: ["change"],
  data() {
    return { typed: this.initial ? local(this.initial) : "" };
  },
  watch: {
    error(error) {
      if (error) this.$refs.control.focus();
    },
  },
  methods: {
    input(event) {
      this.typed = event.target.value;
      const at = new Date(this.typed);
      this.$emit("change", Number.isNaN(at.getTime()) ? "" : at.toISOString());
    },
  },
  render() {
    const id = `${this.$attrs.id}-control`;
    const notes = this.error || this.hint;
    return h("div", { class: ["field", { "field-wrong": this.error }] }, [
      h("label", { for: id, class: "field-label" }, this.label),
      h("input", {
        id, ref: "control", type: "datetime-local", class: "control", value: this.typed, onInput: this.input,
        "aria-invalid": this.error ? "true" : "false", "aria-describedby": notes ? `${id}-notes` : undefined,
      }),
      notes ? h("p", { id: `${id}-notes`, class: "field-notes", role: this.error ? "alert" : undefined }, notes) : null,
    ]);
  },
};
