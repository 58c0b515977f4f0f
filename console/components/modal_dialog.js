import { h } from "vue";

// The browser's own dialog: it keeps the focus inside, closes on Escape and gives the focus back afterwards.
export default {
  props: { open: Boolean, label: String },
  emits: ["dismiss"],
  watch: {
    open(open) {
      this.follow(open);
    },
  },
  mounted() {
    this.follow(this.open);
  },
  methods: {
    follow(open) {
      const dialog = this.$refs.dialog;
      if (open && !dialog.open) dialog.showModal();
      if (!open && dialog.open) dialog.close();
    },
  },
  render() {
    return h(
      "dialog",
      {
        ref: "dialog", class: "dialog", "aria-label": this.label,
        onCancel: (event) => {
          event.preventDefault();
          this.$emit("dismiss");
        },
        onClick: (event) => {
          if (event.target === this.$refs.dialog) this.$emit("dismiss");
        },
      },
      h("div", { class: "dialog-body" }, this.$slots.default?.()),
    );
  },
};
