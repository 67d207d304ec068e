//! Who signed in, who failed to, and who signed out is in the audit log.

use super::orgs::person_of;
use super::*;

story!(sign_ins_are_in_the_audit_log, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let (user, bea) = person_of(sandbox, sandbox, "bea", json!(["viewer"])).await;
    let fresh = Browser::new(sandbox);
    let wrong = [("email", "bea@example.org"), ("password", "not her password")];
    assert_eq!(fresh.submit("/sign-in", &wrong).await.status, 401);
    let nobody = [("email", "nobody@example.org"), ("password", "not her password")];
    assert_eq!(fresh.submit("/sign-in", &nobody).await.status, 401);
    assert_eq!(fresh.submit("/sign-in", &[("email", "bea@example.org"), ("password", PASSWORD)]).await.status, 303);
    assert_eq!(fresh.submit("/sign-out", &[]).await.status, 303);
    let told = eventually("all four are told", async || {
        let told = get(sandbox, &format!("/v3/audit?resource={user}&order=asc")).await["data"].clone();
        let told: Vec<Value> = told
            .as_array()?
            .iter()
            .filter(|event| event["before"].is_null() && event["after"].is_null())
            .cloned()
            .collect();
        (told.len() == 4).then_some(told)
    })
    .await;
    let mut kinds: Vec<&str> = told.iter().map(|event| event["type"].as_str().expect("a kind")).collect();
    // The failure is written behind its answer.
    kinds.sort_unstable();
    assert_eq!(kinds, ["user.sign_in_failed", "user.signed_in", "user.signed_in", "user.signed_out"]);
    for event in &told {
        let failed = event["type"] == "user.sign_in_failed";
        assert_eq!((&event["address"], &event["actor"]["id"]), (&json!("127.0.0.1"), &json!(user)), "{event}");
        assert_eq!(event.get("outcome"), failed.then_some(&json!("failed")), "{event}");
    }
    let signed_in = told.iter().find(|event| event["type"] == "user.signed_in").expect("one");
    assert_eq!(signed_in["details"], json!({"methods": ["pwd"]}));
    // How she signs in, and the credentials of programs, change.
    let fields = [("old", PASSWORD), ("password", "another good long password")];
    assert_eq!(bea.submit("/account/password", &fields).await.status, 200);
    let changed = eventually("it is told", async || {
        get(sandbox, "/v3/audit?type=user.security_changed").await["data"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&changed["details"], &changed["actor"]["id"]), (&json!({"what": "password_changed"}), &json!(user)));
    let tool = add(sandbox, "client", "tool", json!({})).await;
    let (_, secret) = sandbox.post_json(&format!("/v3/clients/{tool}/secrets"), &json!({})).await;
    let made = get(sandbox, "/v3/audit?type=client.secret_created").await["data"][0].clone();
    assert_eq!(made["details"], json!({"secret": secret["data"]["id"]}), "{made}");
    let (_, key) = sandbox.post_json("/v3/api-keys", &json!({"name": "k", "principal": tool})).await;
    let made = get(sandbox, "/v3/audit?type=client.key_created").await["data"][0].clone();
    assert_eq!(made["details"], json!({"key": key["data"]["id"]}), "{made}");
    let request = sandbox.anonymous().request(Method::POST, "/oauth/token").basic_auth(&tool, Some("not its secret"));
    let grant = [("grant_type", "client_credentials")];
    assert_eq!(with_form(request, &grant).send().await.expect("an answer").status(), 401);
    let failed = eventually("it is told", async || {
        get(sandbox, "/v3/audit?type=client.sign_in_failed").await["data"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&failed["outcome"], &failed["resource"]["id"]), (&json!("failed"), &json!(tool)), "{failed}");
    // She sees her own changes, and none of this.
    let fresh = Browser::new(sandbox);
    let fields = [("email", "bea@example.org"), ("password", "another good long password")];
    assert_eq!(fresh.submit("/sign-in", &fields).await.status, 303);
    let hers = page_client(&fresh).await;
    let seen = get(&hers, &format!("/v3/events?resource={user}")).await;
    let seen: Vec<&str> =
        seen["data"].as_array().expect("events").iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(seen.iter().all(|kind| !kind.contains("sign")), "{seen:?}");
    refused(&hers.get_json("/v3/audit").await, 403, "forbidden");
});
