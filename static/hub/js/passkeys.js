// Forms with data-passkey: "create" makes a passkey, "get" asks for one. The server says
// what the browser needs, and the form then takes the answer along.
"use strict";
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const keys = (list) => (list || []).map((key) => ({ ...key, id: bytes(key.id) }));

  // Where a form says what went wrong; it holds the sentences of the browser's own refusals.
  const alertOf = (form) => form.querySelector(".passkey-said");

  const ask = async (form) => {
    const body = new URLSearchParams(new FormData(form));
    body.set("passkey_ask", "1");
    const answer = await fetch(form.action, { method: "POST", body });
    const isJson = (answer.headers.get("content-type") || "").includes("json");
    const said = isJson ? await answer.json() : {};
    if (!answer.ok || !said.options) throw new Error(said.message || alertOf(form).dataset.refused);
    return said;
  };

  const use = async (kind, options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge) };
    if (kind === "create") {
      publicKey.user = { ...options.user, id: bytes(options.user.id) };
      publicKey.excludeCredentials = keys(options.excludeCredentials);
      return navigator.credentials.create({ publicKey });
    }
    publicKey.allowCredentials = keys(options.allowCredentials);
    return navigator.credentials.get({ publicKey });
  };

  const shown = (key) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData",
      "signature", "userHandle"]) {
      if (key.response[name]) response[name] = text(key.response[name]);
    }
    const id = text(key.rawId);
    return { id, rawId: id, type: key.type, response, clientExtensionResults: {} };
  };

  const run = async (form) => {
    const said = alertOf(form);
    const button = form.querySelector("[type=submit]");
    said.textContent = "";
    button.disabled = true;
    try {
      const { ceremony, options } = await ask(form);
      const key = await use(form.dataset.passkey, options);
      form.elements.passkey.value = JSON.stringify({ ceremony, credential: shown(key) });
      // It was looked at with the question; nobody needs it twice.
      if (form.elements.password) form.elements.password.value = "";
      form.submit();
    } catch (error) {
      // Browsers name what happened in words for programmers, ours are for people.
      if (error.name === "InvalidStateError") said.textContent = said.dataset.known;
      else said.textContent = error.name === "Error" ? error.message : said.dataset.refused;
      button.disabled = false;
    }
  };

  const here = window.location.hostname;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const domain = form.dataset.domain;
    const isOurs = here === domain || here.endsWith(`.${domain}`);
    if (!window.PublicKeyCredential || !domain || !isOurs) continue;
    for (const part of document.querySelectorAll("[data-passkey-only]")) part.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form);
    });
  }
})();
