import { h } from "vue";

export default {
  props: {
    label: String, initial: String, cleared: Number, hint: String, error: String, placeholder: String,
    rows: { type: Number, default: 1 }, maxlength: Number, required: Boolean, backup: String, saved: Number,
  },
  emits: ["change"],
  data() {
    return { typed: this.initial ?? "" };
  },
  watch: {
    initial(initial) {
      this.typed = initial;
    },
    cleared() {
      this.typed = "";
    },
    saved() {
      sessionStorage.removeItem(this.backup);
    },
    backup(now, before) {
      sessionStorage.removeItem(before);
    },
    error(error) {
      if (error) this.$refs.control.focus();
    },
  },
  // With a name for it, the browser keeps what was typed until it is saved, so that a reload loses none of it.
  mounted() {
    const kept = this.backup && sessionStorage.getItem(this.backup);
    if (!kept || kept === this.typed) return;
    this.typed = kept;
    this.$emit("change", kept);
  },
  render() {
    const id = `${this.$attrs.id}-control`;
    const notes = this.error || this.hint;
    const control = h(this.rows > 1 ? "textarea" : "input", {
      id, ref: "control", class: "control", rows: this.rows > 1 ? this.rows : undefined,
      value: this.typed, placeholder: this.placeholder, maxlength: this.maxlength, autocomplete: "off",
      "aria-invalid": this.error ? "true" : "false",
      "aria-required": this.required ? "true" : undefined,
      "aria-describedby": notes ? `${id}-notes` : undefined,
      onInput: (event) => {
        this.typed = event.target.value;
        if (this.backup) sessionStorage.setItem(this.backup, this.typed);
        this.$emit("change", this.typed);
      },
    });
    return h("div", { class: ["field", { "field-wrong": this.error }] }, [
      h("label", { for: id, class: "field-label" }, this.label),
      control,
      notes ? h("p", { id: `${id}-notes`, class: "field-notes", role: this.error ? "alert" : undefined }, notes) : null,
    ]);
  },
};
