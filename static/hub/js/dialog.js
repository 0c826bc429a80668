// A link with data-dialog opens the page of an act in place: its form, in a dialog. Without
// script, or when anything else than such a form comes, the link is an ordinary page.
"use strict";

{
  const { close: CLOSE, unreached: UNREACHED } = document.currentScript.dataset;
  const FORM = "[data-act-form]";
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  const focus = (dialog) => {
    const target = dialog.querySelector(".summary") || dialog.querySelector("[autofocus]")
      || dialog.querySelector("form :is(input:not([type=hidden]), select, textarea, button)");
    target?.focus();
  };

  // Puts the form of a page in the place of the one that is there.
  const draw = (dialog, page, url) => {
    dialog.querySelector("form")?.remove();
    dialog.querySelector("h2").textContent = page.querySelector("h1").textContent;
    const form = document.importNode(page.querySelector(FORM), true);
    form.action = url;
    dialog.append(form);
  };

  const build = (opener) => {
    const dialog = document.createElement("dialog");
    dialog.className = "act-dialog";
    dialog.setAttribute("aria-labelledby", "act-dialog-title");
    dialog.innerHTML = '<header><h2 id="act-dialog-title"></h2><span class="grow"></span>'
      + '<button type="button" class="btn bare" data-close>×</button></header>'
      + '<p class="errornote" role="alert" hidden></p>';
    dialog.querySelector("[data-close]").setAttribute("aria-label", CLOSE);
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener.focus();
    });
    dialog.addEventListener("click", (event) => {
      if (!event.target.closest("[data-close]")) return;
      event.preventDefault();
      dialog.close();
    });
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      send(dialog, event.target);
    });
    return dialog;
  };

  const open = async (link) => {
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    try {
      const response = await fetch(link.href, { credentials: "same-origin" });
      const page = parse(await response.text());
      if (!response.ok || !page.querySelector(FORM)) throw new Error("another page");
      for (const menu of document.querySelectorAll("details[data-popup][open]")) menu.open = false;
      const menu = link.closest("details[data-popup]");
      const dialog = build(menu ? menu.querySelector("summary") : link);
      draw(dialog, page, link.href);
      // Where it is no landmark of its own; it is drawn above the page all the same.
      (link.closest("main") || document.body).append(dialog);
      dialog.showModal();
      focus(dialog);
    } catch {
      location.assign(link.href);
    } finally {
      link.ariaBusy = null;
    }
  };

  const send = async (dialog, form) => {
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const error = dialog.querySelector("[role=alert]");
    error.hidden = true;
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Dialog": "1" },
        credentials: "same-origin",
      });
      if (response.headers.get("content-type")?.startsWith("application/json")) {
        location.assign((await response.json()).location);
        return;
      }
      const page = parse(await response.text());
      if (!page.querySelector(FORM)) {
        // A page that asks for a code, or says why not: as a whole page, with what was typed.
        HTMLFormElement.prototype.submit.call(form);
        return;
      }
      draw(dialog, page, form.action);
      focus(dialog);
    } catch {
      error.textContent = UNREACHED;
      error.hidden = false;
      form.ariaBusy = null;
    }
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-dialog]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
}
