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

const at = (tree, path) => path.reduce((part, key) => part?.[key], tree);

function put(tree, path, value) {
  const parent = path.slice(0, -1).reduce((part, key) => (part[key] ??= {}), tree);
  parent[path.at(-1)] = value;
}

/** The document with `path` in it, and of all the rest only what this refers to. */
function part(document, path) {
  const { paths, webhooks, components, ...result } = document;
  const taken = new Set();
  const take = (path) => {
    const id = path.join("\n");
    const value = at(document, path);
    if (taken.has(id) || value === undefined) return;
    taken.add(id);
    put(result, path, value);
    refer(value);
  };
  const refer = (value) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.$ref === "string" && value.$ref.startsWith("#/")) {
      const keys = value.$ref.slice(2).split("/");
      take(keys.map((key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")));
    }
    Object.values(value).forEach(refer);
  };
  take(path);
  return result;
}

/** Swagger UI goes through the whole document whenever an operation is opened: here, through the operation's part. */
const Parts = () => ({
  afterLoad() {
    const { resolveSubtree } = this.fn;
    this.fn.resolveSubtree = (document, path, options) => resolveSubtree(part(document, path), path, options);
  },
});

if (await bearer()) {
  document.getElementById("who").textContent = "signed in";
  window.ui = SwaggerUIBundle({
    url: "/v3/openapi.json",
    dom_id: "#swagger",
    deepLinking: true,
    docExpansion: "list",
    plugins: [Parts],
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
