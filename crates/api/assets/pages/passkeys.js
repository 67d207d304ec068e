// Passkeys. A form with data-passkey ("get" or "create") is shown where the browser has them; when it is sent, the
// authenticator is asked first, and its answer goes along as the field "credential".
(() => {
  const read = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const write = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const forms = document.querySelectorAll("form[data-passkey]");
  let waiting = null;

  // What the authenticator is asked.
  const options = async (form) => {
    const body = new URLSearchParams(form.elements.second ? { second: "1" } : {});
    const response = await fetch(form.dataset.options, { method: "POST", body });
    if (response.redirected || response.status === 403) {
      location.reload();
      return new Promise(() => {});
    }
    if (!response.ok) throw new Error(`${form.dataset.options}: ${response.status}`);
    const asked = await response.json();
    asked.challenge = read(asked.challenge);
    if (asked.user) asked.user.id = read(asked.user.id);
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      for (const one of asked[list] ?? []) one.id = read(one.id);
    }
    return asked;
  };

  const send = (form, credential) => {
    const response = { clientDataJSON: write(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = write(credential.response[name]);
    }
    form.elements.credential.value = JSON.stringify({ id: credential.id, type: credential.type, response });
    form.submit();
  };

  const ask = async (form) => {
    waiting?.abort();
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    try {
      const publicKey = await options(form);
      send(form, await navigator.credentials[form.dataset.passkey]({ publicKey }));
    } catch {
      failed.hidden = false;
    }
  };

  // Passkeys among what the browser offers to fill the address in with.
  const offer = async (form) => {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    waiting = new AbortController();
    try {
      const publicKey = await options(form);
      const credential = await navigator.credentials.get({ publicKey, mediation: "conditional", signal: waiting.signal });
      if (credential) send(form, credential);
    } catch {
      // Nobody chose one, or the button was taken instead.
    }
  };

  if (!window.PublicKeyCredential) return;
  for (const form of forms) {
    const host = form.dataset.host;
    if (location.hostname !== host && !location.hostname.endsWith(`.${host}`)) {
      for (const hint of document.querySelectorAll("[data-passkey-elsewhere]")) hint.hidden = false;
      continue;
    }
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
    if ("offer" in form.dataset) offer(form);
  }
})();
