// Who may be the person that is being typed: asked for when a name, e-mail or phone loses
// the focus, and shown in the element with data-similar, which says whom to ask.
"use strict";

{
  const WAIT_MS = 150;
  const FIELDS = ["name", "email", "phone"];
  const panel = document.querySelector("[data-similar]");
  const form = panel?.closest("form");
  const said = panel?.querySelector("[role=status]");
  const box = panel?.lastElementChild;
  let timer, asking;

  const typed = () => {
    const sent = new URLSearchParams();
    for (const name of [...FIELDS, "business"]) {
      const input = form.elements[name];
      if (input) sent.set(name, input.value.trim());
    }
    if (panel.dataset.customer) sent.set("customer", panel.dataset.customer);
    return sent;
  };
  let last = form && String(typed());

  const show = (html) => {
    const hadFocus = box.contains(document.activeElement);
    box.innerHTML = html;
    said.textContent = box.firstElementChild?.dataset.said || "";
    // Whoever had moved on to the list is not thrown out of it.
    if (hadFocus) (box.querySelector("a") || form.elements.name)?.focus();
  };

  const ask = async () => {
    const sent = typed();
    if (String(sent) === last) return;
    last = String(sent);
    asking?.abort();
    asking = new AbortController();
    try {
      const answer = await fetch(panel.dataset.similar, {
        method: "POST",
        body: sent,
        headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
        signal: asking.signal,
      });
      // Sent on to another page: the session is over, and saving will say so.
      if (answer.ok && !answer.redirected) show(await answer.text());
    } catch {
      // Aborted for newer values, or no network; the form looks once more when it is sent.
    }
  };

  form?.addEventListener("focusout", (event) => {
    if (!FIELDS.includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
  // The box of the business tells only jQuery.
  window.django?.jQuery?.(form?.elements.business).on("change", ask);
}
