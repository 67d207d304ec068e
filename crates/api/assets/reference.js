// Shows the org's own OpenAPI document. Every request carries a short-lived bearer token of this browser's session.
let token = null;
let renewAt = 0;

async function bearer() {
  if (Date.now() < renewAt) return token;
  const response = await fetch("/account/token", { method: "POST" });
  if (!response.ok) {
    location.replace("/sign-in?next=/reference");
    return null;
  }
  const { data } = await response.json();
  token = data.access_token;
  renewAt = Date.now() + (data.expires_in - 60) * 1000;
  return token;
}

if (await bearer()) {
  document.getElementById("who").textContent = "signed in";
  window.ui = SwaggerUIBundle({
    url: "/v3/openapi.json",
    dom_id: "#swagger",
    deepLinking: true,
    docExpansion: "list",
    requestInterceptor: async (request) => {
      request.headers.Authorization = `Bearer ${await bearer()}`;
      return request;
    },
    responseInterceptor: (response) => {
      if (response.status === 401) location.replace("/sign-in?next=/reference");
      return response;
    },
  });
}
