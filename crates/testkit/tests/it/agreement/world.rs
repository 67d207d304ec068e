//! An org made up at random, made over HTTP; and what is in it at a moment, as its owner sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use admin_policy::arbitrary::{Dice, Org, TYPES};
use admin_policy::{Schema, Source, check};
use admin_schema::{Related, TypeDefinition};
use admin_testkit::{Client, Sandbox};
use admin_types::{Resource, ResourceId};
use serde_json::{Value, json};

use crate::acts::*;

/// What random policies are about.
pub(super) const ASKED: [&str; 6] = ["alpha", "beta", "user", "client", "group", "role"];
/// The types whose resources are exported to know what is there.
const ALL: &str = "alpha,beta,user,client,group,role,role_binding,policy";
/// Policies that are in force at once, at most.
const SLOTS: usize = 10;

/// Who asks.
pub(super) struct Asker {
    pub(super) id: ResourceId,
    pub(super) client: Client,
}

/// An org on a server.
pub(super) struct World<'a> {
    pub(super) owner: &'a Sandbox,
    pub(super) org: Org,
    pub(super) askers: Vec<Asker>,
    pub(super) definitions: BTreeMap<String, TypeDefinition>,
    pub(super) schema: Arc<Schema>,
    /// The ids of the policies whose texts change.
    slots: Vec<String>,
}

/// What is there at a moment.
pub(super) struct State {
    pub(super) live: BTreeMap<ResourceId, Resource>,
    pub(super) trash: BTreeMap<ResourceId, Resource>,
    /// The events about [`ASKED`].
    pub(super) events: Vec<Value>,
}

impl Related for State {
    fn get(&self, id: ResourceId) -> Option<&Resource> {
        self.live.get(&id).or_else(|| self.trash.get(&id))
    }
}

impl State {
    /// The policies in force.
    pub(super) fn sources(&self) -> Vec<Source> {
        let policies = self.live.values().filter(|one| one.type_name == "policy" && one.status == "active");
        let cedar = |policy: &Resource| policy.attributes["cedar"].as_str().expect("a text").to_owned();
        let source =
            |policy: &Resource| Source { id: policy.id.to_string(), name: policy.name.clone(), cedar: cedar(policy) };
        policies.map(source).collect()
    }
}

impl<'a> World<'a> {
    pub(super) async fn make(owner: &'a Sandbox, seed: u64) -> World<'a> {
        let org = Org::servable(seed);
        make_types(owner, &org).await;
        make_resources(owner, &org).await;
        bind_roles(owner, &org, &mut Dice::new(seed ^ 1)).await;
        let definitions = definitions(owner).await;
        let schema = Arc::new(Schema::build(&definitions.values().collect::<Vec<_>>()));
        let mut askers = vec![];
        let active = |one: &&Resource| one.type_name == "client" || one.type_name == "user" && one.id.bytes[15] < 2;
        for one in org.resources.values().filter(active) {
            let id = one.id.to_string();
            let token = owner.cli(&["token", "create", &format!("--{}", one.type_name), &id]);
            askers.push(Asker { id: one.id, client: owner.with_token(token.trim()) });
        }
        let policies = export(owner, "/v3/resources:export?type=policy").await;
        for policy in policies.iter().filter(|policy| policy["name"] != "owner") {
            let (status, body) = owner.patch_json(&path(&id(policy)), &json!({"status": "disabled"})).await;
            assert_eq!(status, 200, "{body}");
        }
        let mut slots = vec![];
        for slot in 0..SLOTS {
            let text = "permit (principal in role::\"nobody\", action, resource);";
            slots.push(add(owner, "policy", &format!("random {slot}"), json!({"cedar": text})).await);
        }
        World { owner, org, askers, definitions, schema, slots }
    }

    /// Texts of policies about those who ask. Some permit all of a type, so that it matters what others forbid.
    pub(super) fn draw(&self, dice: &mut Dice) -> Vec<String> {
        let open = |name: &str| format!("permit (principal, action == Action::\"{name}.read\", resource);");
        let mut texts: Vec<String> = ASKED.into_iter().filter(|_| dice.chance(4)).map(open).collect();
        let askers = self.askers.iter().map(|asker| &self.org.resources[&asker.id]);
        texts.extend(askers.flat_map(|asker| self.org.more_policies(asker, dice)));
        texts.truncate(SLOTS);
        texts
    }

    /// Puts these policies in force, and no others but the owner's. Those that are not valid are refused, and left out.
    pub(super) async fn govern(&self, texts: &[String]) -> Result<(), String> {
        for (at, slot) in self.slots.iter().enumerate() {
            let off = json!({"status": "disabled"});
            let Some(text) = texts.get(at) else {
                expect(self.owner.patch_json(&path(slot), &off).await, 200)?;
                continue;
            };
            let on = json!({"status": "active", "attributes": {"cedar": text}});
            match check(&self.schema, text) {
                Ok(()) => expect(self.owner.patch_json(&path(slot), &on).await, 200)?,
                Err(_) => {
                    expect(self.owner.patch_json(&path(slot), &on).await, 422)?;
                    expect(self.owner.patch_json(&path(slot), &off).await, 200)?
                }
            };
        }
        Ok(())
    }

    /// What is there now.
    pub(super) async fn state(&self) -> State {
        let read = |rows: Vec<Value>| -> BTreeMap<ResourceId, Resource> {
            let resource = |row| serde_json::from_value(row).expect("a resource");
            rows.into_iter().map(resource).map(|one: Resource| (one.id, one)).collect()
        };
        let live = read(export(self.owner, &format!("/v3/resources:export?type={ALL}")).await);
        let trash = get(self.owner, &format!("/v3/resources?trashed=true&limit=200&type={ALL}")).await;
        let trash = read(trash["data"].as_array().expect("a list").clone());
        let mut events = vec![];
        for name in ASKED {
            let mut path = format!("/v3/events?type={name}.*&limit=200");
            loop {
                let page = get(self.owner, &path).await;
                events.extend(page["data"].as_array().expect("a list").iter().cloned());
                let Some(cursor) = page["pagination"]["next_cursor"].as_str() else { break };
                path = format!("/v3/events?type={name}.*&limit=200&cursor={cursor}");
            }
        }
        State { live, trash, events }
    }

    /// Changes two resources, and a group: each becomes as another of its type is, or trades its status.
    pub(super) async fn change(&self, dice: &mut Dice) -> Result<(), String> {
        let rows = export(self.owner, "/v3/resources:export").await;
        for _ in 0..2 {
            let (one, other) = (&rows[dice.below(rows.len())], &rows[dice.below(rows.len())]);
            let mut patch = json!({"status": dice.pick(&["active", "archived"]), "labels": other["labels"]});
            if one["type"] == other["type"] && dice.chance(2) {
                patch["attributes"] = other["attributes"].clone();
            }
            expect(self.owner.patch_json(&path(&id(one)), &patch).await, 200)?;
        }
        if dice.chance(2) {
            let groups: Vec<&Resource> = self.org.resources.values().filter(|one| one.type_name == "group").collect();
            let group = groups[dice.below(groups.len())];
            let (roles, groups) = (dice.pick(&["r0", "r1", "r2"]), dice.pick(&["g0", "g1", "g2"]));
            let attributes = json!({"roles": [roles], "groups": if dice.chance(2) { vec![] } else { vec![groups] }});
            let patch = json!({"status": dice.pick(&["active", "active", "disabled"]), "attributes": attributes});
            expect(self.owner.patch_json(&path(&group.id.to_string()), &patch).await, 200)?;
        }
        Ok(())
    }
}

/// The body of an answer that must have this status.
pub(super) fn expect((status, body): (u16, Value), expected: u16) -> Result<Value, String> {
    if status == expected { Ok(body) } else { Err(format!("{status} instead of {expected}: {body}")) }
}

/// The org's own types refer to each other, and principals to them: first empty, then as they are.
async fn make_types(owner: &Sandbox, org: &Org) {
    for name in TYPES {
        add(owner, "type", name, json!({"statuses": ["active", "archived"], "schema": {"type": "object"}})).await;
    }
    let types = export(owner, "/v3/resources:export?type=type").await;
    for definition in &org.types {
        let made = types.iter().find(|made| made["name"] == definition.name.as_str()).expect("a type");
        let own = TYPES.contains(&definition.name.as_str());
        let mut schema = definition.schema.clone();
        if own {
            index(&mut schema);
        }
        let facts = schema["properties"].get("facts").cloned();
        let attributes = match facts {
            _ if own => json!({"schema": schema, "parent": definition.parent}),
            Some(facts) => json!({"schema": {"properties": {"facts": facts}}}),
            None => continue,
        };
        let (status, body) = owner.patch_json(&path(&id(made)), &json!({"attributes": attributes})).await;
        assert_eq!(status, 200, "{attributes} → {body}");
    }
}

/// Some of the fields get an index: by these, lists are filtered and sorted in another way.
fn index(schema: &mut Value) {
    let Some(properties) = schema["properties"].as_object_mut() else { return };
    for (name, schema) in properties {
        match schema["type"] == "object" {
            true => index(schema),
            false if ["a", "b", "x y"].contains(&name.as_str()) => schema["x-index"] = json!(true),
            false => {}
        }
    }
}

async fn definitions(owner: &Sandbox) -> BTreeMap<String, TypeDefinition> {
    let compile = |of: &Value| {
        let name = of["name"].as_str().expect("a name");
        let definition = TypeDefinition::compile(name, of["attributes"].as_object().expect("an object"));
        (name.to_owned(), definition.expect("a type"))
    };
    export(owner, "/v3/resources:export?type=type").await.iter().map(compile).collect()
}

/// First without what they refer to, then with it; then some are deleted, as far as nothing refers to them.
async fn make_resources(owner: &Sandbox, org: &Org) {
    let document = |one: &Resource| {
        let mut document = json!(one);
        let object = document.as_object_mut().expect("an object");
        for stamp in ["version", "created_at", "updated_at", "deleted_at"] {
            object.remove(stamp);
        }
        document
    };
    let whole: Vec<Value> = org.resources.values().map(document).collect();
    let bare = |one: &Resource| {
        let mut bare = document(one);
        bare["parent"] = Value::Null;
        let definition = org.types.iter().find(|known| known.name == one.type_name).expect("a type");
        for field in definition.references().filter(|field| field.get(&one.attributes).is_some()) {
            let (last, way) = field.path.split_last().expect("a path");
            let inner = way.iter().fold(&mut bare["attributes"], |at, name| &mut at[name]);
            match field.many {
                true => inner[last] = json!([]),
                false => drop(inner.as_object_mut().expect("an object").remove(last)),
            }
        }
        bare
    };
    for lines in [org.resources.values().map(bare).collect(), whole] {
        let report = import(owner, "/v3/resources:import", ndjson(&lines)).await;
        assert_eq!(report["failed"], 0, "{report}");
    }
    for one in org.resources.values().rev().filter(|one| one.deleted_at.is_some()) {
        let (status, body) = owner.delete_json(&path(&one.id.to_string())).await;
        assert!(status == 200 || status == 409, "{body}");
    }
}

/// Roles for users and groups, most of them within a part of the tree.
async fn bind_roles(owner: &Sandbox, org: &Org, dice: &mut Dice) {
    let live = export(owner, "/v3/resources:export").await;
    let users: Vec<String> =
        org.resources.values().filter(|one| one.type_name == "user").map(|one| one.id.to_string()).collect();
    for number in 0..5 {
        let mut attributes = json!({"role": dice.pick(&["r0", "r1", "r2"])});
        match dice.below(3) {
            0 => attributes["group"] = json!(dice.pick(&["g0", "g1", "g2"])),
            _ => attributes["user"] = json!(dice.pick(&users[..2])),
        }
        let parent = if dice.chance(4) { Value::Null } else { live[dice.below(live.len())]["id"].clone() };
        let status = if dice.chance(5) { "disabled" } else { "active" };
        let document = json!({"type": "role_binding", "name": format!("binding {number}"), "parent": parent,
            "status": status, "attributes": attributes});
        create(owner, &document).await;
    }
}
