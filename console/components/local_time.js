import { h } from "vue";
import { distance, fullTime, shortTime } from "/static/time_format.js";

const FORMATS = { short: shortTime, full: fullTime, distance };

export default {
  props: { at: String, format: { type: String, default: "short" } },
  data: () => ({ tick: 0 }),
  mounted() {
    if (this.format === "distance") this.timer = setInterval(() => this.tick++, 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  render() {
    void this.tick;
    return h("time", { datetime: this.at, title: this.at }, FORMATS[this.format](this.at));
  },
};
