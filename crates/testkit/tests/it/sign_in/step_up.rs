//! Step-up: what policies ask of a sign-in, what clients ask of it, and how an answer tells to sign in again (RFC 9470).

use admin_testkit::{Backend, postgres};
use tokio_postgres::NoTls;

use super::code_flow::claims_of;
use super::totp::{App, now};
use super::*;

const MULTI_FACTOR: &str = "urn:admin:acr:mfa";
/// As docs/policies.md has it.
const POLICY: &str = "forbid (principal is user, action == Action::\"workspace.delete\", resource)
unless { context.auth.method == \"mfa\" && context.auth.age <= 600 };";

/// A workspace that nobody deletes but after a fresh sign-in with a second factor.
async fn guarded(sandbox: &Sandbox) -> String {
    define(sandbox, "workspace", json!({})).await;
    let workspace = add(sandbox, "workspace", "Production", json!({})).await;
    add(sandbox, "policy", "fresh second factor", json!({"cedar": POLICY})).await;
    workspace
}

async fn delete(sandbox: &Sandbox, token: &Value, workspace: &str) -> Reply {
    let client = sandbox.with_token(token.as_str().expect("a token"));
    reply(client.request(Method::DELETE, &path(workspace))).await
}

/// The token that our own pages get for whoever is signed in.
async fn page_token(browser: &Browser) -> Value {
    let seen = browser.submit("/account/token", &[]).await;
    serde_json::from_str::<Value>(&seen.text).expect("JSON")["data"]["access_token"].clone()
}

/// Signs in by password and the next code, to go on to `next`.
async fn both_steps(browser: &Browser, app: &App, step: u64, next: &str) -> Seen {
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", next)];
    let half = browser.submit("/sign-in", &fields).await;
    assert!(half.location.starts_with("/sign-in/second?next="), "{} {}", half.status, half.location);
    browser.submit("/sign-in/second", &[("code", &app.code(step)), ("next", next)]).await
}

story!(a_delete_needs_a_fresh_second_factor_where_a_policy_says_so, async |sandbox: &Sandbox| {
    let (ada, workspace, client) = (owner(sandbox).await, guarded(sandbox).await, app(sandbox).await);
    let by_password = Browser::new(sandbox);
    by_password.submit("/sign-in", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
    let refused = delete(sandbox, &page_token(&by_password).await, &workspace).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &json!("insufficient_user_authentication")));
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_user_authentication\""), "{challenge}");
    assert!(
        challenge.contains(&format!("acr_values=\"{MULTI_FACTOR}\"")) && !challenge.contains("max_age"),
        "{challenge}"
    );
    assert_eq!(refused.body["acr_values"], MULTI_FACTOR, "{}", refused.body);

    // The client sends the browser with what the challenge named; the person has no second factor yet.
    let wanted = ask(&client, &[("acr_values", MULTI_FACTOR)]);
    let unmet = by_password.get(&wanted).await;
    assert_eq!(unmet.param("error").as_deref(), Some("unmet_authentication_requirements"), "{}", unmet.location);
    let (own, _) = App::add(&ada).await;
    let silent = by_password.get(&ask(&client, &[("acr_values", MULTI_FACTOR), ("prompt", "none")])).await;
    assert_eq!(silent.param("error").as_deref(), Some("login_required"));
    let again = by_password.get(&wanted).await;
    let next = again.param("next").expect("to sign in, and back");
    assert!(again.location.starts_with("/sign-in?") && next.starts_with("/oauth/authorize?"), "{}", again.location);
    let back = both_steps(&by_password, &own, now(), &next).await;
    assert_eq!((back.status, &back.location), (303, &next));
    let code = by_password.get(&next).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    for token in ["access_token", "id_token"] {
        let claims = claims_of(&tokens[token]);
        assert_eq!((&claims["acr"], &claims["amr"]), (&json!(MULTI_FACTOR), &json!(["pwd", "otp", "mfa"])), "{claims}");
    }
    let deleted = delete(sandbox, &tokens["access_token"], &workspace).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);
});

story!(a_program_is_not_told_to_sign_in_again, async |sandbox: &Sandbox| {
    let workspace = guarded(sandbox).await;
    let refused = delete(sandbox, &json!(sandbox.owner_token), &workspace).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{}", refused.body);
});

story!(what_no_sign_in_mends_is_forbidden, async |sandbox: &Sandbox| {
    let (ada, workspace) = (owner(sandbox).await, guarded(sandbox).await);
    let never = "forbid (principal, action == Action::\"workspace.delete\", resource);";
    add(sandbox, "policy", "never", json!({"cedar": never})).await;
    let refused = delete(sandbox, &page_token(&ada).await, &workspace).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{}", refused.body);
});

story!(classes_are_published_and_the_weaker_is_enough_where_it_is_asked_for, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    let known = get(&sandbox.anonymous(), "/.well-known/openid-configuration").await;
    assert_eq!(known["acr_values_supported"], json!(["urn:admin:acr:1fa", MULTI_FACTOR]));
    for enough in ["urn:admin:acr:1fa", "urn:admin:acr:mfa urn:admin:acr:1fa", "phr"] {
        let code = ada.get(&ask(&client, &[("acr_values", enough)])).await.param("code").expect("a code");
        let (_, tokens) = redeem(sandbox, &client, &code).await;
        assert_eq!(claims_of(&tokens["id_token"])["acr"], "urn:admin:acr:1fa", "{enough}");
    }
});

/// Time passes in the database of a test alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_sign_in_is_renewed_for_what_needs_a_fresh_one() {
    let database = postgres::database().await;
    let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_DATABASE", &database.url)]).await;
    let sandbox = &sandbox;
    let (ada, workspace, client) = (owner(sandbox).await, guarded(sandbox).await, app(sandbox).await);
    let (own, _) = App::add(&ada).await;
    let (postgres, connection) = tokio_postgres::connect(&database.url, NoTls).await.expect("PostgreSQL");
    tokio::spawn(connection);
    let seconds = 1200_i64 * 1_000_000;
    let aged = postgres.execute("UPDATE session SET authenticated_at = authenticated_at - $1", &[&seconds]).await;
    assert_eq!(aged.expect("aged"), 1);

    let refused = delete(sandbox, &page_token(&ada).await, &workspace).await;
    let challenge = refused.header("www-authenticate");
    assert!(refused.status == 401 && challenge.contains("max_age=\"600\""), "{challenge} {}", refused.body);
    assert!(!challenge.contains("acr_values"), "the second factor was there: {challenge}");
    let changed = ada.submit("/account/security/totp/remove", &[]).await;
    assert_eq!(changed.location, "/sign-in?next=/account/security", "factors need a fresh sign-in too");
    let wanted = ask(&client, &[("max_age", "600")]);
    let next = ada.get(&wanted).await.param("next").expect("to sign in, and back");
    assert_eq!(both_steps(&ada, &own, now(), &next).await.location, next);
    let code = ada.get(&next).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    assert_eq!(delete(sandbox, &tokens["access_token"], &workspace).await.status, 200);
}
