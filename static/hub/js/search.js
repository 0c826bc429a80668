// A field with data-suggest="<address>": what fits is listed below it as one types, and chosen
// with the arrow keys and Enter (the combobox of the WAI-ARIA practices). Enter without a choice
// sends the form, as it does without this script. Its words stand in the field's data, too.
"use strict";
(() => {
  const PAUSE = 250;
  const LEAST = 2;

  const part = (name, text) => {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    return span;
  };

  const listen = (field) => {
    const list = document.createElement("ul");
    list.id = `${field.id}-suggestions`;
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.dataset.suggestions);
    const status = part("sr", "");
    status.setAttribute("role", "status");
    field.form.append(list, status);
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "false");

    let timer = 0;
    let request = null;
    let active = -1;

    const activate = (number) => {
      active = number;
      [...list.children].forEach((option, index) => {
        option.setAttribute("aria-selected", String(index === number));
      });
      const option = list.children[number];
      if (option) field.setAttribute("aria-activedescendant", option.id);
      else field.removeAttribute("aria-activedescendant");
      option?.scrollIntoView({ block: "nearest" });
    };

    const open = (isOpen) => {
      list.hidden = !isOpen;
      field.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) activate(-1);
    };

    const stop = () => {
      clearTimeout(timer);
      request?.abort();
      request = null;
    };

    const fill = (suggestions) => {
      list.replaceChildren(...suggestions.map(({ url, title, detail, group }, index) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${index}`;
        option.dataset.url = url;
        option.setAttribute("role", "option");
        option.append(part("title", title), part("detail", detail), part("kind", group));
        return option;
      }));
      const count = suggestions.length;
      status.textContent = count === 1 ? field.dataset.one : field.dataset.many.replace("{n}", count);
      open(count > 0);
      activate(-1);
    };

    const ask = async () => {
      request = new AbortController();
      const { signal } = request;
      const token = field.form.elements.csrfmiddlewaretoken.value;
      try {
        const answer = await fetch(field.dataset.suggest, {
          method: "POST",
          headers: { "X-CSRFToken": token },
          body: new URLSearchParams({ q: field.value }),
          redirect: "error",
          signal,
        });
        if (answer.ok) fill((await answer.json()).suggestions);
      } catch {
        // A newer request took its place, or there is no answer: the form still works.
      }
    };

    field.addEventListener("input", () => {
      stop();
      if (field.value.trim().length >= LEAST) timer = setTimeout(ask, PAUSE);
      else open(false);
    });

    field.addEventListener("keydown", (event) => {
      const count = list.children.length;
      if (event.key === "Escape" && !list.hidden) {
        stop();
        open(false);
        event.preventDefault();
      } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count) {
        const isDown = event.key === "ArrowDown";
        if (list.hidden) open(true);
        // Behind either end stands the field itself.
        const last = isDown ? count - 1 : -1;
        const wrapped = isDown ? -1 : count - 1;
        activate(active === last ? wrapped : active + (isDown ? 1 : -1));
        event.preventDefault();
      } else if (event.key === "Enter" && !list.hidden && active >= 0) {
        window.location.assign(list.children[active].dataset.url);
        event.preventDefault();
      }
    });

    field.addEventListener("blur", () => {
      stop();
      open(false);
    });
    // Or the field would lose the cursor before the choice is made.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) window.location.assign(option.dataset.url);
    });
  };

  for (const field of document.querySelectorAll("input[data-suggest]")) listen(field);
})();
