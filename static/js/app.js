// What HTML cannot do by itself. Every page works without this file; it only shortens the way.
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const toast = (text) => {
    const box = $("#toast");
    if (!box) return;
    box.textContent = text;
    clearTimeout(toast.timer);
    toast.timer = setTimeout(() => { box.textContent = ""; }, 6000);
  };

  // Menus: one open at a time, closed by Escape and by a click elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));

  // <button data-copy="text">: copies, and says so. data-dialog="id" opens a dialog, data-close closes the one it is in.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-dialog], [data-close]");
    if (!button) return;
    if (button.dataset.dialog) { event.preventDefault(); $(`#${button.dataset.dialog}`)?.showModal(); return; }
    if ("close" in button.dataset) { button.closest("dialog")?.close(); return; }
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      toast(button.dataset.copied || "✓");
    } catch { toast(button.dataset.copy); }
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

  const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") { closeMenus(null); return; }
    if (typing(event.target)) return;
    if (event.key === "?") { const help = $("#keys"); if (help && !help.open) { event.preventDefault(); help.showModal(); } }
  });
})();
