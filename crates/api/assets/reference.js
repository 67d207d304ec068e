// Shows the org's own OpenAPI document. Every request carries the bearer token of this tab.
const token = sessionStorage.getItem("admin.token");
if (!token) {
  location.replace("/sign-in");
} else {
  document.getElementById("who").textContent = "signed in";
  window.ui = SwaggerUIBundle({
    url: "/v3/openapi.json",
    dom_id: "#swagger",
    deepLinking: true,
    docExpansion: "list",
    requestInterceptor: (request) => {
      request.headers.Authorization = `Bearer ${token}`;
      return request;
    },
    responseInterceptor: (response) => {
      if (response.status === 401) {
        sessionStorage.removeItem("admin.token");
        location.replace("/sign-in");
      }
      return response;
    },
  });
}
