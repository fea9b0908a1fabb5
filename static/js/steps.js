// Steps back and forward read the page anew, and the last one wins: what was asked for before it is given up, and on the
// page that goes nothing more is asked for. Of a page that is not to be had the browser tells. (htmx 2 gives up nothing:
// an answer that came late was shown under the address of another.) After app.js, which sees to the drawer's own steps.
"use strict";

(() => {
  const reads = new Map(); // the requests on their way that only read, each with what it is for
  let stepping = null; // the one for the page of the last step
  const giveUp = (isGone) => { for (const [xhr, target] of reads) if (isGone(target)) xhr.abort(); };

  document.addEventListener("htmx:beforeSend", ({ detail: { xhr, target, requestConfig } }) => {
    if (requestConfig.verb !== "get") return;
    reads.set(xhr, target);
    xhr.addEventListener("loadend", () => reads.delete(xhr));
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (stepping && event.detail.requestConfig.verb === "get") { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  addEventListener("popstate", () => giveUp((target) => target.id === "drawer"), true);
  addEventListener("popstate", (event) => { if (event.state?.htmx) giveUp(() => true); });
  document.addEventListener("htmx:historyCacheMiss", ({ detail: { path, xhr } }) => {
    const show = xhr.onload, address = new URL(path, location).href;
    stepping?.abort();
    stepping = xhr;
    xhr.timeout = htmx.config.timeout;
    xhr.onerror = xhr.ontimeout = () => location.reload();
    xhr.onload = () => {
      if (xhr.status >= 400 || xhr.responseURL !== address) { location.reload(); return; }
      stepping = null;
      show.call(xhr);
    };
  });
})();
