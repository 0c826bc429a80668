// A form with data-one-file is answered by a file while its page stays: it is sent once, and
// the page is loaded again as soon as it says what the file held.
"use strict";

for (const form of document.querySelectorAll("form[data-one-file]")) {
  const EVERY = 1500, MOST = 200;

  form.addEventListener("submit", () => {
    // Once the browser has taken what it sends.
    setTimeout(() => { form.querySelector("[type=submit]").disabled = true; });
    setTimeout(ask, EVERY, MOST);
  });

  async function ask(left) {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    const text = answer.ok && !answer.redirected ? await answer.text() : "";
    if (!text.includes("data-one-file") || left === 0) location.reload();
    else setTimeout(ask, EVERY, left - 1);
  }
}
