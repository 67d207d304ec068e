//! Accounts that somebody made before whoever they are named after, and what is lent to programs.

use super::mail::told_by_mail;
use super::orgs::invitation;
use super::totp::{App, now};
use super::*;

const NEW: &str = "another long phrase of hers";

/// Mallory has made the account of the boss, by an invitation that was for no address, and put an app on it.
async fn premade(sandbox: &Sandbox) -> App {
    let pawn = add(sandbox, "user", "pawn", json!({})).await;
    let link = invitation(sandbox, &pawn).await;
    let mallory = Browser::new(sandbox);
    let fields = [("token", link.as_str()), ("email", "boss@example.org"), ("password", PASSWORD)];
    assert_eq!(mallory.submit("/set-up", &fields).await.status, 303);
    App::add(&mallory).await.0
}

told_by_mail!(who_proves_an_address_is_rid_of_who_only_claimed_it, async |sandbox: &Sandbox, mail: &MailServer| {
    owner(sandbox).await;
    premade(sandbox).await;
    let boss = add(sandbox, "user", "boss", json!({"email": "boss@example.org", "roles": ["owner"]})).await;
    let link = invitation(sandbox, &boss).await;
    Browser::new(sandbox).submit("/reset-password", &[("email", "boss@example.org")]).await;
    let token = mail.letter("boss@example.org", 2).await.token();
    let hers = Browser::new(sandbox);
    assert_eq!(hers.submit("/reset-password", &[("token", &token), ("password", NEW)]).await.status, 303);
    let fields = [("token", link.as_str()), ("email", "boss@example.org"), ("password", NEW)];
    let joined = hers.submit("/set-up", &fields).await;
    assert!(
        joined.status == 303 && !joined.location.contains("second"),
        "no factor of his is left: {}",
        joined.location
    );
    let his = [("email", "boss@example.org"), ("password", PASSWORD)];
    assert_eq!(Browser::new(sandbox).submit("/sign-in", &his).await.status, 401);
});

told_by_mail!(whoever_proved_an_address_keeps_their_factors, async |sandbox: &Sandbox, mail: &MailServer| {
    owner(sandbox).await;
    let bea = add(sandbox, "user", "bea", json!({"email": "bea@example.org"})).await;
    let sent = sandbox.post_json(&format!("/v3/users/{bea}/invitation"), &json!({"send": true})).await;
    assert_eq!(sent.0, 201, "{}", sent.1);
    let token = mail.letter("bea@example.org", 1).await.token();
    let browser = Browser::new(sandbox);
    let fields = [("token", token.as_str()), ("email", "bea@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
    App::add(&browser).await;
    Browser::new(sandbox).submit("/reset-password", &[("email", "bea@example.org")]).await;
    let token = mail.letter("bea@example.org", 3).await.token();
    let again = Browser::new(sandbox);
    assert_eq!(again.submit("/reset-password", &[("token", &token), ("password", NEW)]).await.status, 303);
    let seen = again.submit("/sign-in", &[("email", "bea@example.org"), ("password", NEW)]).await;
    assert!(seen.location.starts_with("/sign-in/second"), "{}", seen.location);
});

story!(an_account_joins_after_its_last_step, async |sandbox: &Sandbox| {
    let app = premade(sandbox).await;
    let boss = add(sandbox, "user", "boss", json!({"email": "boss@example.org", "roles": ["owner"]})).await;
    let link = invitation(sandbox, &boss).await;
    let browser = Browser::new(sandbox);
    let fields = [("token", link.as_str()), ("email", "boss@example.org"), ("password", PASSWORD)];
    let half = browser.submit("/set-up", &fields).await;
    assert!(half.location.starts_with("/sign-in/second"), "{} {}", half.status, half.location);
    // Nobody has joined, and the link is as good as before.
    assert_eq!(browser.get(&format!("/set-up?token={link}")).await.status, 200);
    assert_eq!(browser.submit("/sign-in/second", &[("code", &app.wrong())]).await.status, 401);
    assert_eq!(browser.get(&format!("/set-up?token={link}")).await.status, 200);
    assert_eq!(browser.submit("/sign-in/second", &[("code", &app.code(now()))]).await.status, 303);
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(browser.get(&format!("/set-up?token={link}")).await.status, 401, "it is taken");
    let (status, body) = sandbox.post_json(&format!("/v3/users/{boss}/invitation"), &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("user_has_account")), "{body}");
});

story!(an_invitation_does_not_tell_who_has_an_account, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let user = add(sandbox, "user", "somebody", json!({})).await;
    let link = invitation(sandbox, &user).await;
    let short = async |email: &str| {
        let fields = [("token", link.as_str()), ("email", email), ("password", "x")];
        Browser::new(sandbox).submit("/set-up", &fields).await.status
    };
    assert_eq!(short("ada@example.org").await, short("nobody@example.org").await);
});

story!(what_is_lent_to_a_program_makes_no_keys_and_ends_with_it, async |sandbox: &Sandbox| {
    let (browser, client) = (owner(sandbox).await, app(sandbox).await);
    let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    let program = sandbox.with_token(tokens["access_token"].as_str().expect("a token"));
    let keys = "/v3/api-keys?dry_run=true";
    assert_eq!(program.post_json(keys, &json!({"name": "k"})).await.0, 200, "the installation's own program");
    let third = json!({"attributes": {"first_party": false}});
    assert_eq!(sandbox.patch_json(&path(&client), &third).await.0, 200);
    refused(&program.post_json(keys, &json!({"name": "k"})).await, 403, "forbidden");
    assert_eq!(program.get_json("/v3/resources").await.0, 200, "it does what it was lent for");
    assert_eq!(sandbox.patch_json(&path(&client), &json!({"status": "disabled"})).await.0, 200);
    eventually("the token ends with its client", async || {
        (program.get_json("/v3/resources").await.0 == 401).then_some(())
    })
    .await;
    assert_eq!(sandbox.patch_json(&path(&client), &json!({"status": "active"})).await.0, 200);
    eventually("it may go on", async || (program.get_json("/v3/resources").await.0 == 200).then_some(())).await;
    assert_eq!(sandbox.delete_json(&path(&client)).await.0, 200);
    eventually("and is over", async || (program.get_json("/v3/resources").await.0 == 401).then_some(())).await;
});
