// What HTML cannot do by itself. Every page works without this file; it only shortens the way.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const toast = (text) => {
    const box = $("#toast");
    if (!box) return;
    box.textContent = text;
    clearTimeout(toast.timer);
    toast.timer = setTimeout(() => { box.textContent = ""; }, 6000);
  };
  const copy = async (text, said) => {
    try {
      await navigator.clipboard.writeText(text);
      toast(said || "✓");
    } catch { toast(text); }
  };

  // Menus: one open at a time, closed by Escape and by a click elsewhere.
  const closeMenus = (except) => {
    for (const menu of $$("details.menu[open]")) if (menu !== except) menu.open = false;
  };

  // <button data-copy="text">: copies, and says so. data-dialog="id" opens a dialog, data-close closes the one it is in.
  // data-fill="id" puts its value into a field, as if it was typed.
  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const button = event.target.closest("[data-copy], [data-copy-from], [data-dialog], [data-close], [data-drawer-close], [data-fill]");
    if (!button) return;
    if ("drawerClose" in button.dataset) { event.preventDefault(); closeDrawer(); return; }
    if (button.dataset.dialog) { event.preventDefault(); $(`#${button.dataset.dialog}`)?.showModal(); return; }
    if (button.dataset.fill) {
      event.preventDefault();
      const field = document.getElementById(button.dataset.fill);
      field.value = button.value;
      field.focus();
      field.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    if ("close" in button.dataset) { button.closest("dialog")?.close(); return; }
    if (button.dataset.copyFrom) { document.getElementById(button.dataset.copyFrom).select(); if (document.execCommand("copy")) toast(button.dataset.copied); return; }
    copy(button.dataset.copy, button.dataset.copied);
  });

  // A request that failed says so; the page keeps what it showed.
  const failed = (event) => {
    const status = event.detail.xhr?.status || 0;
    const box = $("#toast");
    if (box) toast(status === 403 ? box.dataset.forbidden : status ? box.dataset.failed : box.dataset.offline);
  };
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:timeout", failed);

  // <input data-narrow="selector">: hides what beside it does not hold the text. Shown only where this file runs.
  const showNarrowing = () => { for (const input of $$("input[data-narrow][hidden], [data-copy-from][hidden]")) input.hidden = false; };
  document.addEventListener("DOMContentLoaded", showNarrowing);
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.dataset?.narrow) return;
    const text = input.value.toLowerCase();
    for (const one of $$(input.dataset.narrow, input.parentElement)) one.hidden = !one.textContent.toLowerCase().includes(text);
  });
  // <input name="next" data-here>: where a form leads back to, also when a script has changed the address.
  document.addEventListener("submit", (event) => {
    const next = $("input[data-here]", event.target);
    if (next) next.value = location.pathname + location.search;
  });
  document.addEventListener("change", (event) => { if (event.target.dataset?.narrow) event.stopPropagation(); }, true);

  // The drawer: an image beside the list, where there is room. Its address is the image's own; closing gives the list's back.
  const wide = matchMedia("(min-width: 1100px)");
  let list = null; // the address and title of the list beside the drawer
  let pushed = false; // whether the drawer has its step in the history
  let shut = null; // the list and row of the drawer that was closed last
  const markRow = (row) => {
    for (const other of $$(".images .main[aria-current]")) other.removeAttribute("aria-current");
    row?.setAttribute("aria-current", "true");
  };
  const closeDrawer = () => {
    const drawer = $("#drawer");
    if (!drawer?.firstElementChild) return false;
    if (pushed && list) { history.back(); return true; } // "popstate" does the rest
    shutDrawer();
    return true;
  };
  const shutDrawer = () => {
    $("#drawer").replaceChildren();
    const row = $(".images .main[aria-current]");
    markRow(null);
    if (list) {
      if (!pushed) history.replaceState({ htmx: true }, "", list.address);
      document.title = list.title;
      shut = { ...list, row };
    }
    list = null;
    pushed = false;
    (row || $("#q"))?.focus();
  };
  // One step in the history for the drawer, however many images were looked at in it.
  document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
    if (event.detail.target?.id !== "drawer") return;
    if (pushed) event.detail.history.type = "replace";
    pushed = true;
  });
  // Back closes the drawer and forward opens it again: the list beside it stays, with its place and what is selected.
  addEventListener("popstate", (event) => {
    const isOpen = $("#drawer")?.firstElementChild;
    if (isOpen && list?.address === location.pathname + location.search) {
      event.stopImmediatePropagation();
      shutDrawer();
    } else if (!isOpen && wide.matches && shut?.row?.isConnected && shut.row.pathname === location.pathname) {
      event.stopImmediatePropagation();
      list = { address: shut.address, title: shut.title };
      pushed = true;
      markRow(shut.row);
      htmx.ajax("GET", shut.row.href, { target: "#drawer", swap: "innerHTML show:none" });
    } else { list = null; pushed = false; shut = null; }
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.detail.elt;
    if (event.detail.target?.id !== "drawer" || !row.matches?.("a.main")) return;
    if (!wide.matches) { event.preventDefault(); location.assign(row.href); return; }
    list ??= { address: location.pathname + location.search, title: document.title };
    markRow(row);
  });

  // Selected images: the checkboxes of form "selection". The stylesheet shows their bar; this counts, and adds what needs
  // a script. `data-exactly="2"` on a button of the bar: only for so many. New results come with nothing selected.
  const picks = () => $$("input[form=selection]");
  const countPicks = () => {
    const bar = $("#selection");
    if (!bar) return;
    const all = picks(), n = all.filter((box) => box.checked).length, page = $("[data-pick-page]"), said = $("[data-picked]", bar);
    said.replaceChildren(...(n ? [$("template", bar).content.cloneNode(true)] : []));
    if (n) $("b", said).textContent = n.toLocaleString(document.documentElement.lang);
    page.parentElement.hidden = $("[data-copy-picked]", bar).hidden = false;
    page.checked = n === all.length;
    page.indeterminate = n > 0 && n < all.length;
    for (const button of $$("[data-exactly]", bar)) button.disabled = n !== Number(button.dataset.exactly);
  };
  let lastPick = null;
  document.addEventListener("click", (event) => {
    const box = event.target, all = picks();
    if (event.target.closest("[data-copy-picked]")) {
      const ids = all.filter((one) => one.checked).map((one) => $(".sub.mono", one.closest("tr")).textContent.trim());
      copy(ids.join("\n"), event.target.closest("button").dataset.copied);
    }
    if ("pickPage" in (box.dataset || {})) { for (const one of all) one.checked = box.checked; countPicks(); }
    if (!all.includes(box)) return;
    if (event.shiftKey && all.includes(lastPick)) {
      const [from, to] = [all.indexOf(lastPick), all.indexOf(box)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    }
    lastPick = box;
    countPicks();
  });
  document.addEventListener("reset", (event) => { if (event.target.id === "selection") setTimeout(() => { countPicks(); $(".images .main")?.focus(); }); });
  addEventListener("pageshow", countPicks);

  // Stars: buttons of the form "marks". The answer names the image, which may be in the list and open beside it.
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "marks" || !window.htmx || !event.submitter) return;
    event.preventDefault();
    htmx.ajax("POST", event.submitter.formAction, { source: event.submitter, target: "#toast", swap: "none" });
  });
  document.addEventListener("starred", (event) => {
    for (const button of $$(`.star[formaction$="/${event.detail.image}/star/"]`)) {
      button.setAttribute("aria-pressed", event.detail.starred);
      button.value = event.detail.starred ? "no" : "yes";
    }
  });
  document.addEventListener("told", (event) => toast(event.detail.text));

  // The row of an image that was corrected in the drawer is read anew; it goes if it does not fit the filter any more.
  document.addEventListener("corrected", () => {
    const link = $(".images .main[aria-current]"), href = link?.getAttribute("href");
    if (!link || !list) return;
    const one = `.images tr:has(.main[href="${href}"])`;
    htmx.ajax("GET", list.address, { target: link.closest("tr"), select: one, swap: "outerHTML ignoreTitle:true" })
      .then(() => markRow($(`${one} .main`)));
  });

  // What a swap would forget: which facets are open, and the search box's text when a chip removed it.
  const open = new Map();
  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (details.matches?.("#rail-body details[id]")) open.set(details.id, details.open);
  }, true);
  // The search box. A filter being typed is not one yet: the server is told, and leaves it in the box until a space or
  // Enter ends it. What it has taken goes out of the box; what was typed in the meantime stays.
  let sent = "";
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.triggeringEvent?.type === "input") event.detail.headers["HX-Typing"] = "true";
    if (event.detail.elt.id === "filter") sent = $("#q").value;
  });
  const showSearch = (q, { q: words, took, pending }) => {
    if (took !== undefined && q.value.startsWith(sent)) {
      const rest = q.value.slice(sent.length).trimStart();
      q.value = words && document.activeElement === q ? `${words} ${rest}` : words + rest;
    } else if (document.activeElement !== q && pending === undefined && q.value !== words) q.value = words;
  };
  // A link that was followed by keyboard is gone with what it was in: the focus goes to what took its place.
  const refocus = (link) => {
    if (!link?.closest || ![document.body, null].includes(document.activeElement)) return;
    const column = link.closest("th")?.classList[0];
    const next = column ? $(`.images th.${column} a`) : link.closest(".hint") ? $("#q") : link.closest(".pager") ? $(".images .main")
      : link.closest(".chips, .removals") ? $(".chips a") || $(".images .main") : null;
    next?.focus({ preventScroll: true });
  };
  document.addEventListener("htmx:historyRestore", () => { showNarrowing(); countPicks(); });
  document.addEventListener("htmx:afterSwap", (event) => {
    showNarrowing();
    countPicks();
    if (event.detail.target?.id === "drawer") { $("#drawer-title")?.focus({ preventScroll: true }); $("#drawer").scrollTop = 0; return; }
    const results = $("#image-results"), q = $("#q");
    if (results && q) showSearch(q, results.dataset);
    if (event.detail.target?.id === "image-results") refocus(event.detail.requestConfig?.elt);
    if (event.detail.target?.id === "image-results" && $("#drawer")?.firstElementChild) { $("#drawer").replaceChildren(); list = null; pushed = false; }
  });
  let excluded = ""; // the checkbox beside the button that was pressed, which goes
  document.addEventListener("htmx:beforeRequest", () => { excluded = document.activeElement?.closest(".exclude")?.parentElement.querySelector("input").id || ""; });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target?.id !== "rail-body") return;
    if (excluded) { document.getElementById(excluded)?.focus({ preventScroll: true }); excluded = ""; }
    for (const [id, isOpen] of open) { const details = document.getElementById(id); if (details) details.open = isOpen; }
    showNarrowing();
  });

  // What comes along with an answer does not take away what somebody is at, nor what they typed since they asked.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const place = event.detail.target;
    if (!place.matches("[data-undisturbed]")) return;
    if (place.matches(":focus-within") || $$("input", place).some((one) => one.value !== one.defaultValue)) event.detail.shouldSwap = false;
  });

  // Keys. Not while somebody types, and never with a modifier.
  const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const step = (by) => {
    const rows = $$(".images .main");
    const at = rows.indexOf(document.activeElement.closest?.("a.main") || $(".images .main[aria-current]"));
    rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))]?.focus();
  };
  const keys = {
    "/": () => { $("#q")?.focus(); $("#q")?.select(); },
    f: () => {
      const rail = $("#rail");
      if (rail && !rail.checkVisibility()) rail.showPopover();
      $("#rail input, #rail summary")?.focus();
    },
    j: () => step(1),
    k: () => step(-1),
    x: () => {
      const row = document.activeElement.closest?.(".images tr") || $(".images .main[aria-current]")?.closest("tr");
      $("input[form=selection]", row || undefined)?.click();
    },
    c: () => {
      const id = document.activeElement.closest?.("tr")?.querySelector(".sub") || $("#image-id");
      if (id) copy(id.textContent.trim(), $(".id-line [data-copied]")?.dataset.copied || id.textContent.trim());
    },
    "?": () => { $("#keys")?.showPopover(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("dialog[open], dialog:popover-open")) return;
    if (event.key === "Escape") {
      closeMenus(null);
      if (!$("#rail:popover-open") && !typing(event.target)) closeDrawer();
      return;
    }
    if (document.body.dataset.keys === "off" || typing(event.target) || !Object.hasOwn(keys, event.key)) return;
    if (event.key !== "?" && !$("#main.shelf, #image-id")) return;
    event.preventDefault();
    keys[event.key]();
  });
})();
