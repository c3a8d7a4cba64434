"use strict";
// Without this the page works too: the filter is a form, and a reload shows what is new.
(() => {
  const form = document.querySelector("form");
  const text = form.elements.q;
  const outcome = form.elements.outcome;
  const wanted = () => {
    const query = new URLSearchParams();
    if (text.value) query.set("q", text.value);
    if (outcome.value) query.set("outcome", outcome.value);
    return query.toString() ? "/?" + query : "/";
  };
  let asked = 0;
  const refresh = async () => {
    const mine = ++asked;
    try {
      const reply = await fetch(wanted(), { cache: "no-store" });
      if (!reply.ok || mine !== asked) return;
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      for (const name of ["overview", "decisions"]) {
        const fresh = page.getElementById(name);
        if (fresh) document.getElementById(name).replaceChildren(...fresh.childNodes);
      }
    } catch {
      // the server is away: what is shown stays
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState(null, "", wanted());
    refresh();
  });
  for (const field of [text, outcome]) field.addEventListener("input", refresh);
  setInterval(() => { if (!document.hidden) refresh(); }, 5000);
})();
