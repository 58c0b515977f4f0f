import { h } from "vue";

// Sends one file as the body of a request to the console, and says how far it is.
export default {
  props: { label: String, hint: String, action: String, accept: String, disabled: Boolean },
  emits: ["started"],
  data: () => ({ over: false, sent: null, refusal: "", name: "" }),
  methods: {
    take(file) {
      if (!file || this.disabled || this.sent !== null) return;
      this.refusal = "";
      this.name = file.name;
      this.sent = 0;
      const request = new XMLHttpRequest();
      const address = new URL(this.action, window.location.href);
      address.searchParams.set("title", file.name.slice(0, 200));
      request.open("POST", address);
      request.setRequestHeader("Content-Type", "text/csv");
      request.responseType = "json";
      request.upload.onprogress = (event) => (this.sent = event.total ? event.loaded / event.total : 0);
      request.onload = () => this.ended(request.response);
      request.onerror = () => this.ended(null);
      request.send(file);
    },
    ended(answer) {
      this.sent = null;
      this.$refs.input.value = "";
      if (answer?.id) this.$emit("started", answer.id);
      else this.refusal = answer?.message ?? "The file could not be sent. Try again in a moment.";
    },
  },
  render() {
    const id = `${this.$attrs.id}-control`;
    return h("div", { class: "field" }, [
      h(
        "label",
        {
          for: id, class: ["drop", { "drop-over": this.over, "drop-still": this.disabled }],
          onDragover: (event) => {
            event.preventDefault();
            this.over = true;
          },
          onDragleave: () => (this.over = false),
          onDrop: (event) => {
            event.preventDefault();
            this.over = false;
            this.take(event.dataTransfer.files[0]);
          },
        },
        [
          h("span", { class: "drop-label" }, this.sent === null ? this.label : `Sending ${this.name}, ${Math.floor(this.sent * 100)} %`),
          h("span", { class: "muted" }, this.hint),
          h("input", {
            id, ref: "input", type: "file", class: "visually-hidden", accept: this.accept,
            disabled: this.disabled || this.sent !== null,
            onChange: (event) => this.take(event.target.files[0]),
          }),
        ],
      ),
      this.refusal ? h("p", { class: "refusal", role: "alert" }, this.refusal) : null,
    ]);
  },
};
