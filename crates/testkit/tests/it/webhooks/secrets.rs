//! What messages are signed with: made, replaced while in use, taken out of force.

use super::*;

/// How many signatures a message has, by their kinds.
fn kinds(message: &Message) -> Vec<&str> {
    message.header("webhook-signature").split(' ').map(|one| one.split_once(',').expect("a kind").0).collect()
}

story!(a_secret_is_replaced_while_it_is_in_use, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let old = get(sandbox, &of(&hook, "secrets")).await["data"][0].clone();
    let (status, made) = sandbox.post_json(&of(&hook, "secrets"), &json!({"overlap_seconds": 4})).await;
    assert_eq!(status, 201, "{made}");
    workspace(sandbox, "both", "eu").await;
    assert_eq!(kinds(&sink.wait("/hook", 1).await[0]), ["v1", "v1"]);
    let secrets = get(sandbox, &of(&hook, "secrets")).await["data"].clone();
    assert_eq!((&secrets[0]["id"], &secrets[1]["id"]), (&old["id"], &made["data"]["id"]));
    assert!(secrets[0]["expires_at"].is_string() && secrets[1]["expires_at"].is_null(), "{secrets}");
    // The last one that does not end cannot be taken away, not even while another is in force.
    let newest = format!("secrets/{}", made["data"]["id"].as_str().expect("an id"));
    refused(&sandbox.delete_json(&of(&hook, &newest)).await, 409, "last_secret");
    eventually("the end of the overlap", async || {
        (get(sandbox, &of(&hook, "secrets")).await["data"].as_array()?.len() == 1).then_some(())
    })
    .await;
    eventually("a message with one signature", async || {
        let before = sink.messages("/hook").len();
        workspace(sandbox, "one", "eu").await;
        (kinds(&sink.wait("/hook", before + 1).await[before]) == ["v1"]).then_some(())
    })
    .await;
    refused(&sandbox.delete_json(&of(&hook, &newest)).await, 409, "last_secret");
});

story!(secrets_are_bounded, &[HERE], async |sandbox: &Sandbox| {
    let sink = Sink::start().await;
    define_workspace(sandbox).await;
    let hook = webhook(sandbox, &sink.at("/hook"), json!({})).await;
    let ask = async |wish: Value| sandbox.post_json(&of(&hook, "secrets"), &wish).await;
    let bytes = |count: usize| {
        use base64::Engine as _;
        format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(vec![7; count]))
    };
    for (wish, pointer) in [
        (json!({"secret": bytes(23)}), "/secret"),
        (json!({"secret": bytes(65)}), "/secret"),
        (json!({"secret": "whsec_!"}), "/secret"),
        (json!({"secret": "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}), "/secret"),
        (json!({"secret": 7}), "/secret"),
        (json!({"kind": "ed25519", "secret": bytes(32)}), "/secret"),
        (json!({"kind": "rsa"}), "/kind"),
        (json!({"overlap_seconds": -1}), "/overlap_seconds"),
        (json!({"overlap_seconds": 2_592_001}), "/overlap_seconds"),
        (json!({"overlap": 1}), "/overlap"),
    ] {
        let answer = ask(wish.clone()).await;
        refused(&answer, 422, "validation_failed");
        assert_eq!(pointers(&answer.1), [pointer], "{wish}");
    }
    let (status, tried) = sandbox.post_json(&of(&hook, "secrets?dry_run=true"), &json!({"overlap_seconds": 0})).await;
    assert_eq!(status, 200, "{tried}");
    assert_eq!(get(sandbox, &of(&hook, "secrets")).await["data"].as_array().expect("a list").len(), 1);
    for count in [24, 64] {
        let (status, made) = ask(json!({"secret": bytes(count), "overlap_seconds": 0})).await;
        assert_eq!((status, &made["data"]["secret"]), (201, &json!(bytes(count))), "{made}");
        assert_eq!(secret(sandbox, &hook).await, bytes(count));
    }
    for _ in 0..4 {
        assert_eq!(ask(json!({})).await.0, 201);
    }
    refused(&ask(json!({})).await, 409, "too_many_secrets");
    // Of a private key the public one is shown alone.
    let first = get(sandbox, &of(&hook, "secrets")).await["data"][0].clone();
    let one = of(&hook, &format!("secrets/{}", first["id"].as_str().expect("an id")));
    assert_eq!(sandbox.delete_json(&format!("{one}?dry_run=true")).await.0, 204);
    assert_eq!(sandbox.delete_json(&one).await.0, 204);
    refused(&sandbox.delete_json(&one).await, 404, "not_found");
    let (status, pair) = ask(json!({"kind": "ed25519"})).await;
    assert!(status == 201 && pair["data"]["public_key"].as_str().expect("a key").starts_with("whpk_"), "{pair}");
    assert!(!pair.to_string().contains("whsk_") && pair["data"]["secret"].is_null(), "{pair}");
    assert!(!get(sandbox, &of(&hook, "secrets")).await.to_string().contains("whsk_"));
    // Changing them is an event, without them.
    let events = get(sandbox, "/v3/events?limit=200").await.to_string();
    assert!(events.contains("webhook.secret_created") && events.contains("webhook.secret_deleted"), "{events}");
    assert!(!events.contains("whsec_") && !events.contains("whsk_"), "{events}");
    assert!(!sandbox.log().contains("whsec_") && !sandbox.log().contains("whsk_"));
    // Without a body it is what it is by default.
    let oldest = get(sandbox, &of(&hook, "secrets")).await["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(sandbox.delete_json(&of(&hook, &format!("secrets/{oldest}"))).await.0, 204);
    for path in ["secrets", "test"] {
        let answer = reply(sandbox.request(Method::POST, &of(&hook, path))).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
    }
});
