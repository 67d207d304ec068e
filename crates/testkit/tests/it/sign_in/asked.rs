//! What a client asks of the authorization endpoint beside a code: for whom, how fresh, once, and at what length.

use futures_util::future::join_all;

use super::people::user_with_account;
use super::*;

/// Pushes what a client would ask for; answers where the browser comes with it.
async fn push(sandbox: &Sandbox, client: &str, changes: &[(&str, &str)]) -> String {
    let query = ask(client, changes);
    let pairs = form_urlencoded::parse(query.split_once('?').expect("a query").1.as_bytes());
    let pairs = pairs.into_owned().collect::<Vec<_>>();
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (status, pushed) = post(sandbox, "/oauth/par", &fields).await;
    assert_eq!(status, 201, "{pushed}");
    let name = pushed["request_uri"].as_str().expect("a name");
    let short = Serializer::new(String::new()).extend_pairs([("client_id", client), ("request_uri", name)]).finish();
    format!("/oauth/authorize?{short}")
}

/// Goes on from the sign-in page, where `seen` leads, with the password of somebody.
async fn sign_in(browser: &Browser, seen: &Seen, email: &str) -> Seen {
    assert!(seen.location.starts_with("/sign-in?"), "{} {}", seen.status, seen.location);
    let next = seen.param("next").expect("where to go on");
    let fields = [("next", next.as_str()), ("email", email), ("password", PASSWORD)];
    let seen = browser.submit("/sign-in", &fields).await;
    assert_eq!((seen.status, &seen.location), (303, &next), "{}", seen.text);
    browser.get(&next).await
}

story!(a_client_gets_nobody_but_whom_its_hint_is_of, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    let (_, bob) = user_with_account(sandbox, "bob").await;
    let code = ada.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().expect("an ID token"));
    let silent = ("prompt", "none");
    assert!(ada.get(&ask(&client, &[hint, silent])).await.param("code").is_some(), "it is of whoever is signed in");
    let refused = bob.get(&ask(&client, &[hint, silent])).await;
    assert_eq!((refused.param("error").as_deref(), refused.param("code")), (Some("login_required"), None));
    let pushed = push(sandbox, &client, &[hint, silent]).await;
    assert_eq!(bob.get(&pushed).await.param("error").as_deref(), Some("login_required"));

    let asked = bob.get(&ask(&client, &[hint])).await;
    let same = sign_in(&bob, &asked, "bob@example.org").await;
    assert!(same.location.starts_with("/sign-in?"), "the same person again is another still: {}", same.location);
    let back = sign_in(&bob, &same, "ada@example.org").await;
    assert!(back.param("code").is_some(), "{}", back.location);

    for wrong in ["x", "a.b.c", &format!("{}x", hint.1)] {
        let refused = ada.get(&ask(&client, &[("id_token_hint", wrong)])).await;
        assert_eq!(refused.param("error").as_deref(), Some("invalid_request"), "{wrong}");
    }
});

story!(who_is_asked_to_sign_in_by_a_pushed_request_does_so_once, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    for prompt in ["login", "select_account", "login consent"] {
        let place = push(sandbox, &client, &[("prompt", prompt)]).await;
        let asked = ada.get(&place).await;
        let again = ada.get(&place).await;
        assert!(again.location.starts_with("/sign-in?"), "to come again is not to sign in: {}", again.location);
        let seen = sign_in(&ada, &asked, "ada@example.org").await;
        match prompt {
            "login consent" => assert!(seen.status == 200 && seen.text.contains("/oauth/consent"), "{}", seen.text),
            _ => assert!(seen.param("code").is_some(), "{prompt}: {}", seen.location),
        }
    }
});

story!(a_pushed_request_is_answered_once_also_when_many_come_at_once, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    let place = push(sandbox, &client, &[]).await;
    let seen = join_all((0..12).map(|_| ada.get(&place))).await;
    let codes: Vec<String> = seen.iter().filter_map(|seen| seen.param("code")).collect();
    assert_eq!(codes.len(), 1, "one code for one request");
    for seen in seen.iter().filter(|seen| seen.param("code").is_none()) {
        let told = seen.param("error");
        assert!(seen.status == 400 || told.as_deref() == Some("invalid_request_uri"), "{} {told:?}", seen.status);
    }
    assert_eq!(redeem(sandbox, &client, &codes[0]).await.0, 200);
});

story!(what_is_too_long_is_told, async |sandbox: &Sandbox| {
    let (ada, client) = (owner(sandbox).await, app(sandbox).await);
    let stranger = Browser::new(sandbox);
    let (fits, long) = ("s".repeat(2048), "s".repeat(2049));
    let back = ada.get(&ask(&client, &[("state", &fits), ("nonce", &fits)])).await;
    assert_eq!(back.param("state").as_deref(), Some(fits.as_str()));
    for browser in [&ada, &stranger] {
        let seen = browser.get(&ask(&client, &[("state", &long)])).await;
        assert_eq!((seen.status, seen.location.as_str()), (400, ""));
        assert!(seen.text.contains("state must have at most 2048 bytes; it has 2049"), "{}", seen.text);
        let seen = browser.get(&ask(&client, &[("nonce", &long)])).await;
        let told = seen.param("error_description").expect("an error");
        assert_eq!(told, "nonce must have at most 2048 bytes; it has 2049");
    }
    // Each of these becomes five on the way through the sign-in page.
    let odd = "%".repeat(2000);
    let query = ask(&client, &[("state", &odd), ("nonce", &odd)]);
    let fields = form_urlencoded::parse(query.split_once('?').expect("a query").1.as_bytes()).into_owned();
    let fields: Vec<(String, String)> = fields.collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let seen = stranger.submit("/oauth/authorize", &fields).await;
    assert_eq!((seen.status, seen.location.as_str()), (400, ""), "never to where it is not let in");
    assert!(seen.text.contains("too long to be carried"), "{}", seen.text);
    assert!(ada.submit("/oauth/authorize", &fields).await.param("code").is_some(), "who is signed in goes on");
});
