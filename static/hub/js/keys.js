// The keyboard: one listener. What there is stands in templates/hub/keys.html, which also
// says where "g" and a letter lead and whether single keys act at all.
"use strict";

{
  const WINDOW_MS = 1500;
  // Where typing means text. A focused box, link or button still takes shortcuts.
  const FIELD =
    "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
  const ROWS = "#result_list tbody tr";
  let beganJump = -Infinity;

  const map = () => document.getElementById("keys");
  const isShown = (element) => element.offsetParent !== null;

  const openMap = () => {
    for (const menu of document.querySelectorAll("details[data-popup][open]")) menu.open = false;
    map().showModal();
  };

  const search = () => {
    const field = [...document.querySelectorAll('[data-key="/"], #searchbar')].find(isShown);
    if (!field) return false;
    field.focus();
    field.select?.();
    return true;
  };

  const jump = (letter) => {
    const link = [...map().querySelectorAll("a[data-jump]")].find((one) => one.dataset.jump === letter);
    if (link) location.assign(link.href);
    return Boolean(link);
  };

  // The cursor is the focus itself: it is seen and read out without more.
  const row = () => document.activeElement?.closest?.(ROWS);

  const move = (step) => {
    const rows = [...document.querySelectorAll(ROWS)].filter(isShown);
    if (rows.length === 0) return false;
    const at = rows.indexOf(row());
    const next = at === -1 ? (step > 0 ? 0 : rows.length - 1) : at + step;
    const target = rows[Math.min(Math.max(next, 0), rows.length - 1)];
    target.tabIndex = -1;
    target.focus();
    target.scrollIntoView({ block: "nearest" });
    return true;
  };

  const pick = () => {
    const box = row()?.querySelector("input.action-select");
    box?.click();
    return Boolean(box);
  };

  // Behind all rows, so that nobody walks through them to get there.
  const acts = () => {
    const choice = [...document.querySelectorAll('.actions select[name="action"]')].find(isShown);
    choice?.focus();
    return Boolean(choice);
  };

  const enter = () => {
    // On a link or a box in the row Enter does what it always does.
    if (!document.activeElement.matches(ROWS)) return false;
    const link = row().querySelector("th a[href], td a[href]");
    link?.click();
    return Boolean(link);
  };

  const save = () => {
    const button = document.querySelector('#content [name="_save"]');
    button?.click();
    return Boolean(button);
  };

  // What a page marks with a key of its own: [data-key].
  const press = (key) => {
    const marked = [...document.querySelectorAll("[data-key]")];
    const target = marked.find((one) => one.dataset.key === key && isShown(one));
    target?.click();
    return Boolean(target);
  };

  const SINGLE = {
    "?": () => (openMap(), true),
    "/": search,
    j: () => move(1),
    k: () => move(-1),
    x: pick,
    a: acts,
    Enter: enter,
  };

  const act = (event) => {
    const isInField = Boolean(event.target.closest?.(FIELD));
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "s") {
      // Kept pressed, it repeats: one form is sent.
      return event.repeat || save();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return false;
    if (event.key === "Escape") {
      if (isInField) event.target.blur();
      return false;
    }
    if (isInField || map().dataset.shortcuts === "off") return false;
    if (event.timeStamp - beganJump < WINDOW_MS) {
      beganJump = -Infinity;
      return jump(event.key);
    }
    if (event.key === "g") {
      beganJump = event.timeStamp;
      return true;
    }
    return (Object.hasOwn(SINGLE, event.key) && SINGLE[event.key]()) || press(event.key);
  };

  // Without the dialog nobody has signed in, or the page is a popup.
  document.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && !event.isComposing && map() && act(event)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.('[data-opens="keys"]');
    if (!opener || !map() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openMap();
  });
}
