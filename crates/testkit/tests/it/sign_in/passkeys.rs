//! Passkeys: signing in without an address, as a second step, and what an authenticator of somebody else may try.

use super::authenticator::{Authenticator, VERIFIED};
use super::factors::{half, is_signed_in};
use super::people::user_with_account;
use super::totp::{App, now, recovery_codes};
use super::*;

const CALL: &str = "__Host-admin-passkey";

/// What a page asks an authenticator.
async fn options(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Value {
    let seen = browser.submit(path, fields).await;
    assert_eq!((seen.status, seen.header("cache-control")), (200, "no-store"), "{}", seen.text);
    serde_json::from_str(&seen.text).expect("options")
}

/// Adds a passkey on the page of whoever is signed in.
async fn add_passkey(browser: &Browser, authenticator: &mut Authenticator) -> Seen {
    let asked = options(browser, "/account/security/passkeys/options", &[]).await;
    let made = authenticator.create(&asked);
    browser.submit("/account/security/passkeys", &[("name", "Ada's <key>"), ("credential", &made)]).await
}

/// Signs in by a passkey.
async fn sign_in(browser: &Browser, authenticator: &mut Authenticator) -> Seen {
    let asked = options(browser, "/sign-in/passkey/options", &[]).await;
    let signed = authenticator.get(&asked);
    browser.submit("/sign-in/passkey", &[("credential", &signed)]).await
}

/// An owner with a passkey.
async fn owner_with_passkey(sandbox: &Sandbox) -> (Browser, Authenticator) {
    let (ada, mut key) = (owner(sandbox).await, Authenticator::new(sandbox));
    let seen = add_passkey(&ada, &mut key).await;
    assert_eq!((seen.status, recovery_codes(&seen).len()), (200, 10), "{}", seen.text);
    (ada, key)
}

/// The claims of the tokens that an app gets for whoever is signed in.
async fn id_token(sandbox: &Sandbox, browser: &Browser) -> Value {
    let client = app(sandbox).await;
    let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
    super::code_flow::claims_of(&redeem(sandbox, &client, &code).await.1["id_token"])
}

story!(a_passkey_signs_in_without_an_address, async |sandbox: &Sandbox| {
    let (ada, mut key) = owner_with_passkey(sandbox).await;
    let page = ada.get("/account/security").await;
    assert!(page.text.contains("Ada&#x27;s &lt;key&gt;"), "{}", page.text);
    let page = Browser::new(sandbox).get("/sign-in").await;
    assert!(
        page.text.contains("data-passkey=\"get\"") && page.text.contains("data-host=\"localhost\""),
        "{}",
        page.text
    );
    let browser = Browser::new(sandbox);
    let asked = options(&browser, "/sign-in/passkey/options", &[]).await;
    assert!(asked.get("allowCredentials").is_none(), "it names nobody: {asked}");
    let signed = key.get(&asked);
    let done = browser.submit("/sign-in/passkey", &[("credential", &signed), ("next", "/account/security")]).await;
    assert_eq!((done.status, done.location.as_str()), (303, "/account/security"), "{}", done.text);
    assert!(is_signed_in(&browser).await && browser.cookie(CALL).is_none());
    let claims = id_token(sandbox, &browser).await;
    assert_eq!(claims["amr"], json!(["hwk", "user", "mfa"]), "{claims}");
    let row = browser.get("/account/security").await;
    assert!(row.text.contains("last used"), "{}", row.text);
});

story!(a_passkey_is_the_second_step_of_its_account, async |sandbox: &Sandbox| {
    let (_, mut key) = owner_with_passkey(sandbox).await;
    let (_, bea) = user_with_account(sandbox, "bea").await;
    let mut other = Authenticator::new(sandbox);
    assert_eq!(add_passkey(&bea, &mut other).await.status, 200);
    let browser = half(sandbox).await;
    let second = [("second", "1")];
    let asked = options(&browser, "/sign-in/passkey/options", &second).await;
    assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(1), "{asked}");
    let signed = other.get(&asked);
    let seen = browser.submit("/sign-in/passkey", &[("credential", &signed), second[0]]).await;
    assert!(seen.status == 401 && seen.text.contains("id=\"passkey-form\""), "{}", seen.text);
    assert!(!is_signed_in(&browser).await, "Bea's passkey does not finish what Ada has begun");
    let asked = options(&browser, "/sign-in/passkey/options", &second).await;
    let signed = key.get(&asked);
    assert_eq!(
        browser.submit("/sign-in/passkey", &[("credential", &signed)]).await.status,
        401,
        "it was for a second step"
    );
    let asked = options(&browser, "/sign-in/passkey/options", &second).await;
    let signed = key.get(&asked);
    let seen = browser.submit("/sign-in/passkey", &[("credential", &signed), second[0]]).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/account"), "{}", seen.text);
    assert_eq!(id_token(sandbox, &browser).await["amr"], json!(["pwd", "hwk", "user", "mfa"]));
    let nobody = Browser::new(sandbox).submit("/sign-in/passkey/options", &second).await;
    assert_eq!(nobody.status, 401, "nothing is told of an account before its first step");
});

story!(a_passkey_signs_for_its_place_its_challenge_and_its_person, async |sandbox: &Sandbox| {
    let (_, mut key) = owner_with_passkey(sandbox).await;
    let (_, bea) = user_with_account(sandbox, "bea").await;
    let mut other = Authenticator::new(sandbox);
    assert_eq!(add_passkey(&bea, &mut other).await.status, 200);
    let handle = key.handle.clone();
    let refused = async |key: &mut Authenticator, why: &str| {
        let browser = Browser::new(sandbox);
        let seen = sign_in(&browser, key).await;
        assert!(seen.status == 401 && seen.text.contains("role=\"alert\""), "{why}: {}", seen.text);
        assert!(!is_signed_in(&browser).await, "{why}");
    };
    let origin = std::mem::replace(&mut key.origin, "https://evil.example".into());
    refused(&mut key, "a page of another origin").await;
    key.origin = sandbox.base_url.clone();
    refused(&mut key, "the same server under another name").await;
    key.origin = origin;
    key.rp_id = "evil.example".into();
    refused(&mut key, "another relying party").await;
    key.rp_id = "localhost".into();
    key.flags &= !VERIFIED;
    refused(&mut key, "nobody was recognised").await;
    key.flags |= VERIFIED;
    key.handle = other.handle.clone();
    refused(&mut key, "another person's handle").await;
    key.handle = None;
    refused(&mut key, "no handle").await;
    key.handle = handle;
    let id = std::mem::replace(&mut key.id, other.id.clone());
    refused(&mut key, "another person's id").await;
    key.id = b"unknown".to_vec();
    refused(&mut key, "a passkey that nobody knows").await;
    key.id = id;
    assert_eq!(sign_in(&Browser::new(sandbox), &mut key).await.status, 303, "and then it does");
});

story!(a_challenge_is_answered_once_in_its_own_browser_for_what_it_was_made, async |sandbox: &Sandbox| {
    let (ada, mut key) = owner_with_passkey(sandbox).await;
    let browser = Browser::new(sandbox);
    let asked = options(&browser, "/sign-in/passkey/options", &[]).await;
    let (cookie, signed) = (browser.cookie(CALL).expect("a cookie"), key.get(&asked));
    let send = async |browser: &Browser| browser.submit("/sign-in/passkey", &[("credential", &signed)]).await;
    assert_eq!(send(&Browser::new(sandbox)).await.status, 401, "no cookie");
    let other = Browser::new(sandbox);
    options(&other, "/sign-in/passkey/options", &[]).await;
    assert_eq!(send(&other).await.status, 401, "the cookie of another challenge");
    other.set_cookie(CALL, asked["challenge"].as_str().expect("a challenge"));
    assert_eq!(send(&other).await.status, 401, "the challenge is not the cookie");
    assert_eq!(send(&browser).await.status, 303);
    let again = Browser::new(sandbox);
    again.set_cookie(CALL, &cookie);
    assert_eq!(send(&again).await.status, 401, "once");
    // A challenge to make a passkey is none to sign in by one.
    let made = options(&ada, "/account/security/passkeys/options", &[]).await;
    let signed = key.get(&json!({"challenge": made["challenge"], "rpId": "localhost", "userVerification": "required"}));
    let browser = Browser::new(sandbox);
    browser.set_cookie(CALL, &ada.cookie(CALL).expect("a cookie"));
    assert_eq!(browser.submit("/sign-in/passkey", &[("credential", &signed)]).await.status, 401);
});

story!(a_passkey_is_added_by_its_owner_alone, async |sandbox: &Sandbox| {
    let (ada, key) = owner_with_passkey(sandbox).await;
    let (_, bea) = user_with_account(sandbox, "bea").await;
    let add = "/account/security/passkeys";
    // Mallory has Ada make a passkey on his call.
    let asked = options(&bea, "/account/security/passkeys/options", &[]).await;
    let made = Authenticator::new(sandbox).create(&asked);
    ada.set_cookie(CALL, &bea.cookie(CALL).expect("a cookie"));
    assert_eq!(ada.submit(add, &[("credential", &made)]).await.status, 401);
    // An authenticator claims the id of a passkey that there is.
    let mut thief = Authenticator::new(sandbox);
    thief.id = key.id.clone();
    assert_eq!(add_passkey(&bea, &mut thief).await.status, 409);
    let mut lax = Authenticator::new(sandbox);
    lax.flags &= !VERIFIED;
    assert_eq!(add_passkey(&bea, &mut lax).await.status, 401, "it recognised nobody");
    for bad in
        ["", "{}", "[]", "{\"id\": \"AA\", \"response\": {\"clientDataJSON\": \"e30\", \"attestationObject\": \"oA\"}}"]
    {
        options(&bea, "/account/security/passkeys/options", &[]).await;
        assert_eq!(bea.submit(add, &[("credential", bad)]).await.status, 401, "{bad}");
    }
    assert!(!bea.get("/account/security").await.text.contains("id=\"passkeys\""), "nothing was added");
    let id = ada.get("/account/security").await.fields().into_iter().find(|(name, _)| name == "id").expect("an id").1;
    assert_eq!(bea.submit("/account/security/passkeys/remove", &[("id", &id)]).await.status, 404, "not hers to remove");
    for path in ["passkeys", "passkeys/options", "passkeys/remove"] {
        let path = format!("/account/security/{path}");
        let request = ada.client.request(Method::POST, &path).header("sec-fetch-site", "cross-site");
        assert_eq!(ada.send(with_form(request, &[("id", &id)])).await.status, 403, "{path}");
        assert_eq!(
            Browser::new(sandbox).submit(&path, &[]).await.location,
            "/sign-in?next=/account/security",
            "{path}"
        );
    }
    for path in ["/sign-in/passkey", "/sign-in/passkey/options"] {
        let request = ada.client.request(Method::POST, path).header("origin", "https://evil.example");
        assert_eq!(ada.send(with_form(request, &[])).await.status, 403, "{path}");
    }
    assert_eq!(ada.submit("/account/security/passkeys/remove", &[("id", &id)]).await.status, 303);
    assert_eq!(sign_in(&Browser::new(sandbox), &mut { key }).await.status, 401, "a removed passkey opens nothing");
});

story!(a_count_that_does_not_grow_tells_of_a_copy, async |sandbox: &Sandbox| {
    let (ada, mut key) = (owner(sandbox).await, Authenticator::new(sandbox));
    key.count = 7;
    assert_eq!(add_passkey(&ada, &mut key).await.status, 200);
    for (count, status) in [(8, 303), (8, 401), (7, 401), (0, 401), (20, 303)] {
        key.count = count;
        assert_eq!(sign_in(&Browser::new(sandbox), &mut key).await.status, status, "{count}");
    }
});

story!(a_passkey_stands_beside_an_app, async |sandbox: &Sandbox| {
    let (ada, key) = owner_with_passkey(sandbox).await;
    let (app, codes) = App::add(&ada).await;
    assert!(codes.is_empty(), "there were recovery codes already");
    let browser = half(sandbox).await;
    let page = browser.get("/sign-in/second").await;
    assert!(page.text.contains("id=\"passkey-form\"") && page.text.contains("id=\"code-form\""), "{}", page.text);
    assert_eq!(browser.submit("/sign-in/second", &[("code", &app.code(now()))]).await.status, 303);
    let id = ada.get("/account/security").await.fields().into_iter().find(|(name, _)| name == "id").expect("an id").1;
    assert_eq!(ada.submit("/account/security/passkeys/remove", &[("id", &id)]).await.status, 303);
    assert!(ada.get("/account/security").await.text.contains("id=\"recovery-left\">10<"), "the app is left");
    assert_eq!(ada.submit("/account/security/totp/remove", &[]).await.status, 303);
    assert!(!ada.get("/account/security").await.text.contains("recovery-left"), "nothing to recover");
    drop(key);
});
