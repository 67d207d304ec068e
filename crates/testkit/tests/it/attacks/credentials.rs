//! Nobody comes by credentials that they were not given: by a link that is for something else, by an account made before, by
//! a token that was lent.

use admin_testkit::{Client, Method, Sandbox, story};
use serde_json::{Value, json};

use crate::access::user;
use crate::acts::*;

async fn link_of(client: &Client, user: &str) -> String {
    let (status, body) = client.post_json(&format!("/v3/users/{user}/invitation"), &json!({})).await;
    assert_eq!(status, 201, "{body}");
    let url = body["data"]["url"].as_str().expect("a link");
    url.split_once("token=").expect("a token").1.to_owned()
}

story!(an_invitation_is_no_bearer_token, async |sandbox: &Sandbox| {
    let vip = add(sandbox, "user", "vip", json!({"email": "vip@example.org", "roles": ["owner"]})).await;
    let link = link_of(sandbox, &vip).await;
    let answer = sandbox.anonymous().post_json("/sign-in", &json!({"token": link})).await;
    refused(&answer, 401, "bad_sign_in_token");
    // And it is as good as before for what it is for.
    let page = sandbox.anonymous().request(Method::GET, &format!("/set-up?token={link}")).send().await.expect("a page");
    assert_eq!(page.status(), 200);
    // The operator's own link is one.
    let printed = sandbox.cli(&["sign-in"]);
    let token = printed.split_once("token=").expect("a link").1.trim();
    let (status, body) = sandbox.anonymous().post_json("/sign-in", &json!({"token": token})).await;
    assert_eq!(status, 200, "{body}");
});

story!(an_invitation_ends_when_the_address_changes, async |sandbox: &Sandbox| {
    let ada = add(sandbox, "user", "ada", json!({"email": "ada@example.org"})).await;
    let link = link_of(sandbox, &ada).await;
    let cleared = json!({"attributes": {"email": null}});
    assert_eq!(sandbox.patch_json(&path(&ada), &cleared).await.0, 200);
    let page = sandbox.anonymous().request(Method::GET, &format!("/set-up?token={link}")).send().await.expect("a page");
    assert_eq!(page.status(), 401);
});

story!(a_limited_key_makes_no_clients, async |sandbox: &Sandbox| {
    let (admin, as_admin) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let tool = add(sandbox, "client", "tool", json!({})).await;
    let limited = json!({"name": "clients", "actions": ["client.create", "client.read", "client.update", "webhook.create", "webhook.read"]});
    let (status, made) = as_admin.post_json("/v3/api-keys", &limited).await;
    assert_eq!(status, 201, "{made}");
    let key = sandbox.with_token(made["data"]["key"].as_str().expect("a key"));
    assert_eq!(key.get_json(&path(&tool)).await.0, 200);
    let new = json!({"name": "mine", "attributes": {"token_endpoint_auth_method": "none", "redirect_uris": ["https://evil.example.org/"]}});
    refused(&key.post_json("/v3/clients", &new).await, 403, "not_yours_to_give");
    for change in [
        json!({"redirect_uris": ["https://evil.example.org/"]}),
        json!({"post_logout_redirect_uris": ["https://evil.example.org/"]}),
    ] {
        refused(&key.patch_json(&path(&tool), &json!({"attributes": change})).await, 403, "not_yours_to_give");
    }
    let hook =
        json!({"name": "h", "attributes": {"url": "https://evil.example.org/", "events": ["*"], "acts_as": tool}});
    refused(&key.post_json("/v3/webhooks", &hook).await, 403, "not_yours_to_give");
    let own =
        json!({"name": "h", "attributes": {"url": "https://evil.example.org/", "events": ["*"], "acts_as": admin}});
    refused(&key.post_json("/v3/webhooks", &own).await, 403, "not_yours_to_give");
});

story!(what_is_first_party_has_owners_for_its_credentials, async |sandbox: &Sandbox| {
    let (_, as_admin) = user(sandbox, "ada", json!({"roles": ["admin"]})).await;
    let trusted = add(sandbox, "client", "console", json!({"first_party": true})).await;
    let secrets = format!("/v3/clients/{trusted}/secrets");
    refused(&as_admin.post_json(&secrets, &json!({})).await, 403, "not_yours_to_give");
    let elsewhere = json!({"attributes": {"post_logout_redirect_uris": ["https://evil.example.org/"]}});
    refused(&as_admin.patch_json(&path(&trusted), &elsewhere).await, 403, "not_yours_to_give");
    assert_eq!(sandbox.post_json(&secrets, &json!({})).await.0, 201);
});

story!(no_two_orgs_have_a_user_of_the_same_id, async |sandbox: &Sandbox| {
    sandbox.cli(&["org", "create", "elsewhere"]);
    let listed = sandbox.cli(&["org", "list"]);
    let org = listed.lines().find(|line| line.contains("elsewhere")).and_then(|line| line.split(' ').next());
    let there = sandbox.cli(&["token", "create", "--role", "owner", "--org", org.expect("an org")]);
    let there = sandbox.with_token(there.trim());
    let ada = add(sandbox, "user", "ada", json!({})).await;
    let twin: Value = json!({"id": ada, "name": "ada"});
    refused(&there.post_json("/v3/users", &twin).await, 409, "already_exists");
});
