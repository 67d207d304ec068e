//! The second step: codes of an app, recovery codes, and those who try to get around them.

use super::people::user_with_account;
use super::totp::{App, now, recovery_codes};
use super::*;

const HALF: &str = "__Host-admin-sign-in";
const SESSION: &str = "__Host-admin-session";

/// Ada's password, in a browser of her own or of somebody else.
async fn password(browser: &Browser) -> Seen {
    browser.submit("/sign-in", &[("email", "ada@example.org"), ("password", PASSWORD)]).await
}

async fn code(browser: &Browser, code: &str) -> Seen {
    browser.submit("/sign-in/second", &[("code", code)]).await
}

/// Who has done the first step, in a new browser.
pub(super) async fn half(sandbox: &Sandbox) -> Browser {
    let browser = Browser::new(sandbox);
    let seen = password(&browser).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in/second?next=%2Faccount"), "{}", seen.text);
    assert!(browser.cookie(SESSION).is_none(), "nobody is signed in yet");
    browser
}

pub(super) async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == 200
}

story!(a_code_of_an_app_is_the_second_step, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, codes) = App::add(&ada).await;
    assert_eq!(codes.len(), 10, "recovery codes come with the first factor");
    let page = ada.get("/account/security").await;
    assert!(
        page.text.contains("id=\"recovery-left\">10<") && page.text.contains("id=\"totp-remove\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains(&codes[0]), "they are shown once");
    let browser = half(sandbox).await;
    let page = browser.get("/sign-in/second").await;
    assert!(page.status == 200 && page.text.contains("autocomplete=\"one-time-code\""), "{}", page.text);
    let wrong = code(&browser, &app.wrong()).await;
    assert!(wrong.status == 401 && wrong.text.contains("The code is wrong"), "{}", wrong.text);
    let right = code(&browser, &app.code(now())).await;
    assert_eq!((right.status, right.location.as_str()), (303, "/account"), "{}", right.text);
    assert!(is_signed_in(&browser).await && browser.cookie(HALF).is_none());
    let removed = browser.submit("/account/security/totp/remove", &[]).await;
    assert_eq!((removed.status, removed.location.as_str()), (303, "/account/security"), "{}", removed.text);
    assert_eq!(password(&Browser::new(sandbox)).await.location, "/account", "and then the password is enough");
});

story!(a_code_counts_once, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, _) = App::add(&ada).await;
    let (first, second) = (half(sandbox).await, half(sandbox).await);
    let shown = app.code(now() + 1);
    assert_eq!(code(&first, &shown).await.status, 303);
    assert_eq!(code(&second, &shown).await.status, 401, "whoever has watched it being typed comes too late");
    assert_eq!(code(&second, &app.code(now())).await.status, 401, "and so do those before it");
    assert!(!is_signed_in(&second).await);
});

story!(a_secret_counts_once_a_code_of_it_was_confirmed, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    assert_eq!(ada.submit("/account/security/totp", &[]).await.status, 303);
    let wrong = ada.submit("/account/security/totp/confirm", &[("code", "000")]).await;
    assert!(wrong.status == 401 && wrong.text.contains("role=\"alert\""), "{}", wrong.text);
    assert_eq!(password(&Browser::new(sandbox)).await.location, "/account", "who gave up is not locked out");
    App::add(&ada).await;
    assert_eq!(ada.submit("/account/security/totp", &[]).await.status, 409, "one at a time");
    assert_eq!(ada.get("/account/security/totp").await.location, "/account/security", "the secret is shown no more");
});

story!(guessing_codes_is_bounded, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, codes) = App::add(&ada).await;
    let browser = half(sandbox).await;
    for _ in 0..5 {
        assert_eq!(code(&browser, &app.wrong()).await.status, 401);
    }
    let over = code(&browser, &app.code(now())).await;
    assert!(over.status == 401 && over.text.contains("id=\"password\""), "back to the first step: {}", over.text);
    assert!(!is_signed_in(&browser).await);
    let browser = half(sandbox).await;
    for _ in 0..5 {
        assert_eq!(code(&browser, &app.wrong()).await.status, 401);
    }
    // The right password forgave nothing.
    let browser = half(sandbox).await;
    let waits = code(&browser, &app.code(now())).await;
    assert_eq!((waits.status, waits.header("retry-after")), (429, "900"), "{}", waits.text);
    let waits = browser.submit("/sign-in/second", &[("recovery_code", &codes[0])]).await;
    assert_eq!(waits.status, 429, "{}", waits.text);
});

story!(there_is_no_second_step_without_the_first, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, codes) = App::add(&ada).await;
    for cookie in ["", "adh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"] {
        let browser = Browser::new(sandbox);
        browser.set_cookie(HALF, cookie);
        for field in [("code", app.code(now())), ("recovery_code", codes[0].clone())] {
            let seen = browser.submit("/sign-in/second", &[(field.0, &field.1)]).await;
            assert!(seen.status == 401 || seen.location == "/sign-in", "{cookie} {}", seen.status);
            assert!(browser.cookie(SESSION).is_none());
        }
    }
    // The cookie of a half sign-in is none of a session, and the other way round.
    let browser = half(sandbox).await;
    let half = browser.cookie(HALF).expect("half a sign-in");
    browser.set_cookie(SESSION, &half);
    assert!(!is_signed_in(&browser).await);
    let session = ada.cookie(SESSION).expect("a session");
    browser.set_cookie(HALF, &session);
    assert_eq!(code(&browser, &app.code(now())).await.status, 401);
});

story!(half_a_sign_in_is_of_its_account_alone_and_for_once, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, _) = App::add(&ada).await;
    let (_, bea) = user_with_account(sandbox, "bea").await;
    let (own, _) = App::add(&bea).await;
    // Mallory has put the cookie of a half sign-in of his into Ada's browser, or has got hold of hers.
    let browser = half(sandbox).await;
    assert_eq!(code(&browser, &own.code(now())).await.status, 401, "another account's code is no code");
    let cookie = browser.cookie(HALF).expect("half a sign-in");
    let before = browser.cookie(SESSION);
    assert_eq!(code(&browser, &app.code(now())).await.status, 303);
    assert_ne!(browser.cookie(SESSION), before, "the session has a cookie that nobody knew before");
    let thief = Browser::new(sandbox);
    thief.set_cookie(HALF, &cookie);
    assert_eq!(code(&thief, &app.code(now() + 1)).await.status, 401, "what is finished is finished");
    assert!(!is_signed_in(&thief).await);
});

story!(a_recovery_code_signs_in_once, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (_, codes) = App::add(&ada).await;
    let typed = codes[3].to_uppercase().replace('-', " ");
    let browser = half(sandbox).await;
    assert_eq!(browser.submit("/sign-in/second", &[("recovery_code", &typed)]).await.status, 303);
    assert!(browser.get("/account/security").await.text.contains("id=\"recovery-left\">9<"));
    let again = half(sandbox).await;
    assert_eq!(again.submit("/sign-in/second", &[("recovery_code", &codes[3])]).await.status, 401);
    let made = recovery_codes(&ada.submit("/account/security/recovery-codes", &[]).await);
    assert_eq!(made.len(), 10);
    assert_eq!(again.submit("/sign-in/second", &[("recovery_code", &codes[4])]).await.status, 401, "replaced");
    assert_eq!(again.submit("/sign-in/second", &[("recovery_code", &made[0])]).await.status, 303);
});

story!(nothing_tells_who_has_a_second_factor_before_the_password_is_right, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    App::add(&ada).await;
    user_with_account(sandbox, "bea").await;
    let told = async |email: &str| {
        let browser = Browser::new(sandbox);
        let seen = browser.submit("/sign-in", &[("email", email), ("password", "something else")]).await;
        let cookies: Vec<_> = seen.headers.get("set-cookie").cloned().unwrap_or_default();
        (seen.status, cookies.len(), seen.text.replace(email, "X"))
    };
    assert_eq!(told("ada@example.org").await, told("bea@example.org").await);
    assert_eq!(told("ada@example.org").await, told("nobody@example.org").await);
});

story!(factors_change_after_a_recent_sign_in_with_all_of_them, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let stale = Browser::new(sandbox);
    assert_eq!(password(&stale).await.location, "/account");
    let (app, _) = App::add(&ada).await;
    // That browser has signed in a moment ago, but without the factor that there is now.
    for path in ["totp", "totp/remove", "recovery-codes"] {
        let seen = stale.submit(&format!("/account/security/{path}"), &[]).await;
        assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in?next=/account/security"), "{path}");
    }
    let page = stale.get("/account/security").await;
    assert!(page.text.contains("id=\"sign-in-again\"") && !page.text.contains("id=\"totp-remove\""), "{}", page.text);
    let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("next", "/account/security")];
    let second = stale.submit("/sign-in", &fields).await;
    assert_eq!(second.param("next").as_deref(), Some("/account/security"));
    let fields = [("code", app.code(now())), ("next", "/account/security".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(stale.submit("/sign-in/second", &fields).await.location, "/account/security");
    assert_eq!(stale.submit("/account/security/totp/remove", &[]).await.location, "/account/security");
    assert_eq!(
        Browser::new(sandbox).submit("/account/security/totp", &[]).await.location,
        "/sign-in?next=/account/security"
    );
});

story!(forms_of_other_sites_change_no_factor, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, codes) = App::add(&ada).await;
    let browser = half(sandbox).await;
    let shown = app.code(now());
    let fields = [("code", shown.as_str()), ("recovery_code", codes[0].as_str())];
    for (header, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null")] {
        let request = browser.client.request(Method::POST, "/sign-in/second").header(header, value);
        assert_eq!(browser.send(with_form(request, &fields)).await.status, 403, "{header}: {value}");
        for path in ["totp", "totp/confirm", "totp/remove", "recovery-codes"] {
            let request = ada.client.request(Method::POST, &format!("/account/security/{path}")).header(header, value);
            assert_eq!(ada.send(with_form(request, &fields)).await.status, 403, "{header}: {value} {path}");
        }
    }
    assert!(ada.get("/account/security").await.text.contains("id=\"recovery-left\">10<"), "nothing has changed");
});

story!(signing_in_again_renews_the_session, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    let (own, _) = App::add(&ada).await;
    let granted = ada.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &granted).await;
    let before = ada.cookie(SESSION).expect("a session");
    password(&ada).await;
    assert_eq!(ada.cookie(SESSION), Some(before.clone()), "half a sign-in changes nothing");
    assert_eq!(code(&ada, &own.code(now())).await.status, 303);
    assert_ne!(ada.cookie(SESSION), Some(before.clone()));
    let old = Browser::new(sandbox);
    old.set_cookie(SESSION, &before);
    assert!(!is_signed_in(&old).await, "the old cookie is good for nothing");
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 200, "what was granted in the session stays");
    ada.submit("/sign-out", &[]).await;
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401, "until it ends");
});

story!(who_has_lost_everything_is_let_in_by_the_operator, async |sandbox: &Sandbox| {
    App::add(&owner(sandbox).await).await;
    let nobody = sandbox.try_cli(&["user", "reset-factors", "nobody@example.org"]);
    assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("no account has"));
    half(sandbox).await;
    sandbox.cli(&["user", "reset-factors", "Ada@example.org"]);
    let browser = Browser::new(sandbox);
    assert_eq!(password(&browser).await.location, "/account", "the password is enough, and still needed");
    let page = browser.get("/account/security").await;
    assert!(!page.text.contains("recovery-left") && page.text.contains("id=\"totp-add\""), "{}", page.text);
});

story!(a_link_goes_around_no_second_step, async |sandbox: &Sandbox| {
    let (app, _) = App::add(&owner(sandbox).await).await;
    let deputy = add(sandbox, "user", "deputy", json!({})).await;
    let (_, body) = sandbox.post_json(&format!("/v3/users/{deputy}/invitation"), &json!({})).await;
    let token = body["data"]["url"].as_str().and_then(|url| url.split_once("token=")).expect("a link").1;
    let browser = Browser::new(sandbox);
    let fields = [("token", token), ("email", "ada@example.org"), ("password", PASSWORD)];
    let seen = browser.submit("/set-up", &fields).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in/second?next=%2Faccount"), "{}", seen.text);
    assert!(!is_signed_in(&browser).await);
    assert_eq!(code(&browser, &app.code(now())).await.status, 303);
    assert!(browser.get("/account").await.text.contains("deputy"), "as whom the link was for");
});

story!(a_new_password_ends_what_was_half_signed_in_by_the_old_one, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let (app, _) = App::add(&ada).await;
    let thief = half(sandbox).await;
    let fields = [("old", PASSWORD), ("password", "another good password")];
    let changed = ada.submit("/account/password", &fields).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(code(&thief, &app.code(now())).await.status, 401);
    assert!(!is_signed_in(&thief).await);
});
