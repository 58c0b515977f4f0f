// Runs before anything is painted, so that a remembered theme never flashes in the other one.
(() => {
  const KEY = "axiru-theme";
  const choice = () => {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  };
  const apply = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(choice());
  window.axiruTheme = {
    choice,
    choose(theme) {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
      apply(theme);
      return theme;
    },
  };
})();
