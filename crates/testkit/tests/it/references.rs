//! References: what a resource points to is there, is of the right type, and is not deleted behind its back.

use admin_testkit::{Client, Sandbox, story};
use serde_json::{Value, json};

use crate::acts::*;

/// No resource has this id.
const NOBODY: &str = "res_01h455vb4pex5vsknk084sn02q";

fn reference(to: &str, on_delete: &str) -> Value {
    json!({"type": ["string", "null"], "x-ref": {"type": to, "on_delete": on_delete}})
}

fn references(to: &str, on_delete: &str) -> Value {
    json!({"type": "array", "items": {"type": "string"}, "x-ref": {"type": to, "on_delete": on_delete}})
}

async fn sites(client: &Client) -> (String, String) {
    define(client, "site", json!({})).await;
    (add(client, "site", "here", json!({})).await, add(client, "site", "there", json!({})).await)
}

async fn attributes(client: &Client, id: &str) -> Value {
    get(client, &path(id)).await["data"]["attributes"].clone()
}

story!(a_reference_leads_to_a_live_resource_of_its_type, async |sandbox: &Sandbox| {
    let (site, trashed) = sites(sandbox).await;
    let properties = json!({"site": reference("site", "restrict"), "sites": references("site", "restrict")});
    define(sandbox, "device", properties).await;
    sandbox.delete_json(&path(&trashed)).await;
    let device = add(sandbox, "device", "d", json!({"site": site, "sites": [site]})).await;
    let before = last_seq(sandbox).await;
    for wrong in [NOBODY, &trashed, &device] {
        let document = json!({"name": "x", "attributes": {"site": wrong, "sites": [site, wrong]}});
        let answer = sandbox.post_json("/v3/devices", &document).await;
        refused(&answer, 422, "dangling_reference");
        assert_eq!(pointers(&answer.1)[0], "/attributes/site", "{}", answer.1);
        assert!(pointers(&answer.1)[1].starts_with("/attributes/sites"), "{}", answer.1);
        let answer = sandbox.patch_json(&path(&device), &json!({"attributes": {"site": wrong}})).await;
        refused(&answer, 422, "dangling_reference");
    }
    let answer = sandbox.patch_json(&path(&device), &json!({"attributes": {"site": "over there"}})).await;
    refused(&answer, 422, "validation_failed");
    assert_eq!(pointers(&answer.1), ["/attributes/site"]);
    assert_eq!(last_seq(sandbox).await, before);
});

story!(restrict_refuses_and_names_who_refers, async |sandbox: &Sandbox| {
    let (site, other) = sites(sandbox).await;
    let properties = json!({"site": reference("site", "restrict"), "sites": references("site", "restrict")});
    define(sandbox, "device", properties).await;
    let one = add(sandbox, "device", "one", json!({"site": site})).await;
    let many = add(sandbox, "device", "many", json!({"sites": [other, site]})).await;
    let before = last_seq(sandbox).await;
    for query in ["", "?purge=true", "?dry_run=true"] {
        let answer = sandbox.delete_json(&format!("{}{query}", path(&site))).await;
        refused(&answer, 409, "referenced");
        assert_eq!(answer.1["count"], 2);
        let referrers = json!([{"id": one, "field": "attributes.site"}, {"id": many, "field": "attributes.sites"}]);
        assert_eq!(answer.1["referrers"], referrers);
        let detail = format!(
            "2 resources refer to this one, the first is {one} by `attributes.site`. Delete or change them first."
        );
        assert_eq!(answer.1["detail"], detail);
    }
    assert_eq!(last_seq(sandbox).await, before);
    // A referrer in the trash holds nothing, and comes back only if its target is there.
    sandbox.delete_json(&path(&one)).await;
    sandbox.patch_json(&path(&many), &json!({"attributes": {"sites": [other]}})).await;
    assert_eq!(sandbox.delete_json(&path(&site)).await.0, 200);
    let answer = sandbox.post_json(&format!("{}/restore", path(&one)), &json!({})).await;
    refused(&answer, 422, "dangling_reference");
    sandbox.post_json(&format!("{}/restore", path(&site)), &json!({})).await;
    assert_eq!(sandbox.post_json(&format!("{}/restore", path(&one)), &json!({})).await.0, 200);
    refused(&sandbox.delete_json(&path(&site)).await, 409, "referenced");
});

story!(cascade_takes_along_all_that_refers_and_each_leaves_its_event, async |sandbox: &Sandbox| {
    let (site, _) = sites(sandbox).await;
    define(sandbox, "device", json!({"site": reference("site", "cascade")})).await;
    define(sandbox, "part", json!({"device": reference("device", "cascade")})).await;
    let device = add(sandbox, "device", "d", json!({"site": site})).await;
    let parts = [
        add(sandbox, "part", "p", json!({"device": device})).await,
        add(sandbox, "part", "q", json!({"device": device})).await,
    ];
    let before = last_seq(sandbox).await;

    let (status, body) = sandbox.delete_json(&format!("{}?dry_run=true", path(&site))).await;
    assert_eq!((status, body["dry_run"]["events"].as_array().map(Vec::len)), (200, Some(4)), "{body}");
    assert_eq!(last_seq(sandbox).await, before);

    assert_eq!(sandbox.delete_json(&path(&site)).await.0, 200);
    let events = events_after(sandbox, before).await;
    let mut deleted = outline(&events);
    assert_eq!(deleted.pop(), Some(("site.deleted", site.as_str())), "what refers goes before what it refers to");
    assert_eq!(deleted.pop(), Some(("device.deleted", device.as_str())));
    deleted.sort_unstable();
    let mut expected = [("part.deleted", parts[0].as_str()), ("part.deleted", parts[1].as_str())];
    expected.sort_unstable();
    assert_eq!(deleted, expected);
    assert_eq!(total(sandbox, "/v3/resources?type=device,part").await, 0);
    assert_eq!(total(sandbox, "/v3/resources?type=site,device,part&trashed=true").await, 4);
});

story!(a_ring_of_cascades_goes_as_a_whole, async |sandbox: &Sandbox| {
    define(sandbox, "node", json!({"next": reference("node", "cascade")})).await;
    let first = add(sandbox, "node", "1", json!({})).await;
    let second = add(sandbox, "node", "2", json!({"next": first})).await;
    let itself = json!({"attributes": {"next": second}});
    assert_eq!(sandbox.patch_json(&path(&first), &itself).await.0, 200);
    let alone = add(sandbox, "node", "3", json!({})).await;
    assert_eq!(sandbox.patch_json(&path(&alone), &json!({"attributes": {"next": alone}})).await.0, 200);
    let before = last_seq(sandbox).await;
    for id in [&first, &alone] {
        let (status, body) = sandbox.delete_json(&format!("{}?purge=true", path(id))).await;
        assert_eq!(status, 200, "{body}");
    }
    let events = events_after(sandbox, before).await;
    let purged = [("node.purged", &*second), ("node.purged", &*first), ("node.purged", &*alone)];
    assert_eq!(outline(&events), purged);
    assert_eq!(total(sandbox, "/v3/nodes").await, 0);
});

story!(null_lets_go_and_each_that_did_leaves_its_event, async |sandbox: &Sandbox| {
    let (site, other) = sites(sandbox).await;
    let properties = json!({"site": reference("site", "null"), "sites": references("site", "null")});
    define(sandbox, "device", properties).await;
    let one = add(sandbox, "device", "one", json!({"site": site})).await;
    let many = add(sandbox, "device", "many", json!({"sites": [other, site]})).await;
    let before = last_seq(sandbox).await;
    assert_eq!(sandbox.delete_json(&path(&site)).await.0, 200);
    let events = events_after(sandbox, before).await;
    let expected = [("device.updated", &*one), ("device.updated", &*many), ("site.deleted", &*site)];
    assert_eq!(outline(&events), expected);
    assert_eq!(attributes(sandbox, &one).await.get("site"), events[0]["after"]["attributes"].get("site"));
    assert!(attributes(sandbox, &one).await["site"].is_null());
    assert_eq!(attributes(sandbox, &many).await, json!({"sites": [other]}));
    assert_eq!(events[1]["before"]["attributes"]["sites"], json!([other, site]));
});

story!(a_list_lets_go_also_of_what_a_cascade_takes_along, async |sandbox: &Sandbox| {
    let (site, other) = sites(sandbox).await;
    define(sandbox, "device", json!({"site": reference("site", "cascade")})).await;
    let properties = json!({"devices": references("device", "null"), "sites": references("site", "null")});
    define(sandbox, "tour", properties).await;
    let lost = [
        add(sandbox, "device", "a", json!({"site": site})).await,
        add(sandbox, "device", "b", json!({"site": site})).await,
    ];
    let kept = add(sandbox, "device", "c", json!({"site": other})).await;
    let devices = json!([lost[0], kept, lost[1]]);
    let tour = add(sandbox, "tour", "t", json!({"devices": devices, "sites": [site, other]})).await;
    assert_eq!(sandbox.delete_json(&path(&site)).await.0, 200);
    assert_eq!(attributes(sandbox, &tour).await, json!({"devices": [kept], "sites": [other]}));
});

story!(what_cannot_let_go_holds_the_deletion_back, async |sandbox: &Sandbox| {
    let (site, _) = sites(sandbox).await;
    let mut sites = references("site", "null");
    sites["minItems"] = json!(1);
    let place = json!({"type": "object", "minProperties": 1, "properties": {"at": reference("site", "null")}});
    define(sandbox, "device", json!({"sites": sites, "place": place, "other": reference("site", "null")})).await;
    let device = add(sandbox, "device", "d", json!({"sites": [site]})).await;
    let before = last_seq(sandbox).await;
    let refusal = async || {
        let answer = sandbox.delete_json(&path(&site)).await;
        refused(&answer, 409, "referenced");
        assert_eq!(answer.1["errors"], Value::Null, "nothing that was sent is wrong");
        (answer.1["referrers"].clone(), answer.1["detail"].as_str().expect("a detail").to_owned())
    };
    let (referrers, detail) = refusal().await;
    assert_eq!(referrers, json!([{"id": device, "field": "attributes.sites"}]));
    assert!(detail.starts_with("1 resource refers to this one and cannot do without it: "), "{detail}");
    let attributes_now = attributes(sandbox, &device).await;
    assert_eq!((last_seq(sandbox).await, attributes_now), (before, json!({"sites": [site]})));

    add(sandbox, "device", "lets go", json!({"other": site})).await;
    let many = json!({"sites": [site], "other": site});
    let second = add(sandbox, "device", "e", many).await;
    let (referrers, detail) = refusal().await;
    let mut named: Vec<&str> = referrers.as_array().expect("a list").iter().filter_map(|r| r["id"].as_str()).collect();
    named.dedup();
    assert_eq!(named, [device.as_str(), &second]);
    assert!(detail.contains("resources refer to this one and cannot do without it, the first is"), "{detail}");
});

story!(a_deletion_of_more_than_a_thousand_is_refused, async |sandbox: &Sandbox| {
    let (site, _) = sites(sandbox).await;
    define(sandbox, "device", json!({"site": reference("site", "cascade")})).await;
    let device = json!({"type": "device", "name": "d", "attributes": {"site": site}});
    import(sandbox, "/v3/resources:import", ndjson(&vec![device.clone(); 1000])).await;
    refused(&sandbox.delete_json(&path(&site)).await, 409, "deletion_too_large");
    let one = id(&get(sandbox, "/v3/devices?limit=1").await["data"][0]);
    assert_eq!(sandbox.delete_json(&path(&one)).await.0, 200);
    let before = last_seq(sandbox).await;
    let (status, body) = sandbox.delete_json(&path(&site)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!((last_seq(sandbox).await, total(sandbox, "/v3/devices").await), (before + 1000, 0));
});

story!(parents_exist_and_never_stand_below_their_children, async |sandbox: &Sandbox| {
    define(sandbox, "folder", json!({})).await;
    let folder = async |name: &str, parent: Value| {
        create(sandbox, &json!({"type": "folder", "name": name, "parent": parent})).await
    };
    let top = folder("top", json!(null)).await;
    let middle = folder("middle", json!(top)).await;
    let bottom = folder("bottom", json!(middle)).await;
    let document = json!({"type": "folder", "name": "x", "parent": NOBODY});
    let answer = sandbox.post_json("/v3/resources", &document).await;
    refused(&answer, 422, "dangling_reference");
    assert_eq!(pointers(&answer.1), ["/parent"]);
    for parent in [&top, &middle, &bottom] {
        let answer = sandbox.patch_json(&path(&top), &json!({"parent": parent})).await;
        refused(&answer, 422, "parent_cycle");
        assert_eq!(pointers(&answer.1), ["/parent"]);
    }
    let answer = sandbox.delete_json(&path(&middle)).await;
    refused(&answer, 409, "referenced");
    assert_eq!(answer.1["referrers"], json!([{"id": bottom, "field": "parent"}]));

    assert_eq!(sandbox.patch_json(&path(&bottom), &json!({"parent": null})).await.0, 200);
    assert_eq!(sandbox.delete_json(&path(&middle)).await.0, 200);
    refused(&sandbox.patch_json(&path(&bottom), &json!({"parent": middle})).await, 422, "dangling_reference");
    assert_eq!(sandbox.patch_json(&path(&top), &json!({"parent": bottom})).await.0, 200);
});

story!(at_once_a_target_goes_and_somebody_refers_and_one_of_them_is_refused, async |sandbox: &Sandbox| {
    define(sandbox, "site", json!({})).await;
    define(sandbox, "device", json!({"site": reference("site", "restrict")})).await;
    for round in 0..10 {
        let site = add(sandbox, "site", "s", json!({})).await;
        let document = json!({"name": "d", "attributes": {"site": site}});
        let target = path(&site);
        let (created, deleted) =
            tokio::join!(sandbox.post_json("/v3/devices", &document), sandbox.delete_json(&target));
        let statuses = (created.0, deleted.0);
        assert!([(201, 409), (422, 200)].contains(&statuses), "{round}: {statuses:?} {} {}", created.1, deleted.1);
    }
});
