// Passkeys: the browser's part of making one and of signing in with one. allauth's webauthn-json.js, loaded before,
// turns the server's JSON into what a browser wants, and back. A form says by data-passkey whether one is made ("add")
// or used, and by data-options where the options are asked for; else they are in the page.
(() => {
  const optionsOf = async (form) => {
    if (!form.dataset.options) return JSON.parse(document.getElementById("passkey-options").textContent);
    const answer = await fetch(form.dataset.options, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("no options");
    return answer.json();
  };
  const made = async (form, { creation_options: options }) => {
    const alone = form.elements.passwordless?.checked;
    Object.assign(options.publicKey.authenticatorSelection, {
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: Boolean(alone),
      ...(alone && { userVerification: "required" }),
    });
    return webauthnJSON.create(options);
  };
  for (const told of document.querySelectorAll("[data-without-script]")) told.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const told = form.querySelector("[data-told]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      told.hidden = true;
      try {
        const options = await optionsOf(form);
        const found = form.dataset.passkey === "add" ? await made(form, options) : await webauthnJSON.get(options.request_options);
        form.elements.credential.value = JSON.stringify(found);
        form.submit();
      } catch {
        told.hidden = false;
      }
    });
  }
})();
