import { h } from "vue";

// A dialog that closes gives the focus back to its button, which scrolls there: this comes after it.
const AFTER_DIALOGS_MS = 150;

export default {
  props: { label: String },
  mounted() {
    this.arrival = setTimeout(() => this.$el.focus(), AFTER_DIALOGS_MS);
  },
  unmounted() {
    clearTimeout(this.arrival);
  },
  render() {
    return h("section", { "aria-label": this.label, tabindex: "-1" }, this.$slots.default?.());
  },
};
