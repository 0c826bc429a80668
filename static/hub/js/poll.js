// Keeps a page up to date: [data-poll] names what to ask for a version every few seconds.
// When it has moved, the page is loaded once more, and its [data-live] parts take the
// place of those here; a reader who has scrolled is asked first.
"use strict";

{
  const EVERY = 4000, SLOWEST = 30000, IDLE = 600000, SAY_EVERY = 10000;
  // So that what asks by itself keeps no session alive.
  const BY_ITSELF = { headers: { "X-Background": "1" }, credentials: "same-origin" };
  const TIMELINE = '[data-live="timeline"]';
  const source = document.querySelector("[data-poll]");
  // Its words: data-pause, -resume, and -one, -many, -show-one, -show-many for new entries.
  const words = document.currentScript.dataset;
  if (source) start(source.dataset.poll);

  function start(url) {
    let etag = "", wait = EVERY, timer = 0, seen = Date.now(), said = 0, isPaused = false;
    const bar = document.createElement("p");
    bar.className = "live-bar";
    bar.setAttribute("role", "status");
    const pause = button(words.pause, () => {
      isPaused = !isPaused;
      pause.textContent = isPaused ? words.resume : words.pause;
      plan(0);
    });
    const line = document.createElement("p");
    line.className = "live-line muted small";
    line.append(pause);
    const timeline = document.querySelector("#timeline");
    timeline.tabIndex = -1;
    timeline.before(bar);
    timeline.after(line);
    for (const name of ["pointermove", "keydown", "scroll", "pointerdown"]) {
      addEventListener(name, () => { seen = Date.now(); }, { passive: true });
    }
    document.addEventListener("visibilitychange", () => plan(0));
    ask();

    function plan(after) {
      clearTimeout(timer);
      if (isPaused || document.hidden) return;
      timer = setTimeout(ask, after);
    }

    async function ask() {
      try {
        const headers = etag ? { ...BY_ITSELF.headers, "If-None-Match": etag } : BY_ITSELF.headers;
        const answer = await fetch(url, { ...BY_ITSELF, headers, cache: "no-store" });
        if (answer.redirected || answer.status === 403 || answer.status === 404) return;
        if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
        const now = answer.headers.get("ETag") || etag;
        const isNew = etag && now !== etag;
        etag = now;
        wait = Date.now() - seen > IDLE ? SLOWEST : EVERY;
        if (isNew) await load();
      } catch {
        wait = Math.min(wait * 2, SLOWEST);
      }
      plan(wait);
    }

    async function load() {
      const answer = await fetch(location.href, { ...BY_ITSELF, cache: "no-store" });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const known = new Set([...document.querySelectorAll("[data-entry]")].map((e) => e.dataset.entry));
      const fresh = [...page.querySelectorAll("[data-entry]")].filter((e) => !known.has(e.dataset.entry));
      const text = counted(words.one, words.many, fresh.length);
      // Not under the eyes of somebody who reads further down, or has come to an entry.
      if (fresh.length && (scrollY > 200 || document.activeElement?.closest(TIMELINE))) {
        const hadFocus = bar.contains(document.activeElement);
        put(page, `[data-live]:not(${TIMELINE})`);
        const offer = counted(words.showOne, words.showMany, fresh.length);
        const show = button(offer, () => { put(page); scrollTo(0, 0); timeline.focus(); });
        bar.replaceChildren(show);
        if (hadFocus) show.focus();
        return;
      }
      put(page);
      if (fresh.length && Date.now() - said > SAY_EVERY) {
        said = Date.now();
        bar.textContent = text;
        setTimeout(() => { if (bar.textContent === text) bar.textContent = ""; }, SAY_EVERY);
      }
    }

    function put(page, parts = "[data-live]") {
      bar.replaceChildren();
      for (const part of document.querySelectorAll(parts)) {
        const other = page.querySelector(`[data-live="${part.dataset.live}"]`);
        if (!other) continue;
        const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
        part.replaceChildren(...other.cloneNode(true).childNodes);
        if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
      }
    }
  }

  function counted(one, many, count) {
    return count === 1 ? one : many.replace("{n}", count);
  }

  function button(label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "btn quiet";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  }
}
