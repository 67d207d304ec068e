// Exchanges the one-time token of the sign-in link for a bearer token, kept for this tab alone.
const form = document.getElementById("form");
const problem = document.getElementById("problem");

async function signIn(token) {
  const response = await fetch("/sign-in", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  const body = await response.json();
  if (!response.ok) {
    problem.textContent = body.detail;
    return;
  }
  sessionStorage.setItem("admin.token", body.data.access_token);
  location.replace("/reference");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(form.elements.token.value.trim());
});

const linked = new URLSearchParams(location.hash.slice(1)).get("token");
if (linked) {
  history.replaceState(null, "", location.pathname);
  signIn(linked);
}
