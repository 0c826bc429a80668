// Asks before a form with data-unsaved in it, or on it, is left with changes that are not
// saved. The value "changed" says that what the page shows is not saved yet.
"use strict";

{
  const mark = document.querySelector("[data-unsaved]");
  const form = mark?.closest("form");
  let first = null, leaves = false;

  const state = () =>
    JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
  const isChanged = () =>
    mark.dataset.unsaved === "changed" || (first !== null && state() !== first);

  if (form) {
    // Once the scripts of the page have drawn their inputs.
    addEventListener("load", () => setTimeout(() => { first = state(); }));
    form.addEventListener("submit", () => { leaves = true; });
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("[data-leaves]")) leaves = true;
    });
    // Back from the next page: the form is there again, as it was left.
    addEventListener("pageshow", () => { leaves = false; });
    addEventListener("beforeunload", (event) => {
      if (!leaves && isChanged()) event.preventDefault();
    });
  }
}
