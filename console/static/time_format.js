// Instants in the reader's own time zone; the exact instant in UTC stays in the title for whoever compares logs.
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export function shortTime(iso, now = new Date()) {
  const at = new Date(iso);
  if (at.toDateString() === now.toDateString()) return CLOCK.format(at);
  if (at.getFullYear() === now.getFullYear()) return `${DAY.format(at)}, ${CLOCK.format(at).slice(0, 5)}`;
  return DAY_OF_YEAR.format(at);
}

export function fullTime(iso) {
  const at = new Date(iso);
  return `${DAY_OF_YEAR.format(at)}, ${CLOCK.format(at)}`;
}

export function distance(iso, now = new Date()) {
  const seconds = Math.round((new Date(iso) - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 3) return "just now";
  const words =
    size < 60 ? `${size} s`
    : size < 3600 ? `${Math.floor(size / 60)} min`
    : size < 86400 ? `${Math.floor(size / 3600)} h ${Math.floor((size % 3600) / 60)} min`
    : `${Math.floor(size / 86400)} d ${Math.floor((size % 86400) / 3600)} h`;
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}
