//! What comes with every org: types, and the policies of the built-in roles. They are rows like all others.

mod policies;

use admin_types::Attributes;
use serde_json::{Value, json};

pub(crate) use self::policies::{POLICIES, ROLES, ROLES_BY_RIGHTS};

/// A type that comes with every org.
pub(crate) struct BuiltIn {
    pub(crate) name: &'static str,
    pub(crate) attributes: fn() -> Attributes,
}

/// In the order in which they are made.
pub(crate) const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "type", attributes: || object(type_type()) },
    BuiltIn { name: "user", attributes: || object(user_type()) },
    BuiltIn { name: "client", attributes: || object(client_type()) },
    BuiltIn { name: "group", attributes: || object(group_type()) },
    BuiltIn { name: "role", attributes: || object(role_type()) },
    BuiltIn { name: "role_binding", attributes: || object(role_binding_type()) },
    BuiltIn { name: "policy", attributes: || object(policy_type()) },
    BuiltIn { name: "webhook", attributes: || object(webhook_type()) },
];

/// The type that comes with every org under this name.
pub(crate) fn built_in(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|built_in| built_in.name == name)
}

/// Whether a type comes with every org.
pub(crate) fn is_built_in(name: &str) -> bool {
    built_in(name).is_some()
}

/// Whether resources of a type are known by their names, which then are unique and stay: policies say
/// `role::"editor"`.
pub(crate) fn is_named(type_name: &str) -> bool {
    matches!(type_name, "group" | "role")
}

/// A JSON object as attributes.
pub(crate) fn object(value: Value) -> Attributes {
    match value {
        Value::Object(map) => map,
        _ => Attributes::new(),
    }
}

/// The attributes of a built-in type, with the facts that `existing` declares: those are the org's.
pub(crate) fn with_facts_of(attributes: Attributes, existing: &Attributes) -> Attributes {
    const FACTS: &str = "/schema/properties/facts";
    let mut attributes = Value::Object(attributes);
    let existing = Value::Object(existing.clone());
    if let (Some(facts), Some(declared)) = (attributes.pointer_mut(FACTS), existing.pointer(FACTS))
        && declared.get("type") == Some(&json!("object"))
        && declared.get("properties").is_some()
    {
        *facts = declared.clone();
    }
    object(attributes)
}

/// A type whose resources have these attributes and no others.
fn closed(plural: &str, description: &str, statuses: &[&str], required: &[&str], properties: Value) -> Value {
    json!({
        "plural": plural, "description": description, "statuses": statuses,
        "schema": {"type": "object", "properties": properties, "required": required, "additionalProperties": false}
    })
}

fn names(description: &str) -> Value {
    json!({"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 100, "uniqueItems": true,
        "x-index": true, "description": description})
}

fn type_type() -> Value {
    let words = |description: &str| json!({"type": "array", "items": {"type": "string"}, "description": description});
    let properties = json!({
        "plural": {"type": "string", "description": "The name in paths, such as `workspaces`."},
        "description": {"type": "string", "maxLength": 2000},
        "statuses": words("The first is the default."),
        "actions": words("What can be done besides reading, creating, updating and deleting, for policies to decide."),
        "parent": {"type": "string", "description": "The type that parents must be of."},
        "sensitive": {"type": "boolean", "description": "Whether every read of its resources is recorded."},
        "schema": {"type": "object", "description": "JSON Schema 2020-12 of `attributes`."}
    });
    let description = "Describes resources: a JSON Schema of their attributes, their statuses, their name in paths.";
    closed("types", description, &["active"], &["schema"], properties)
}

/// What policies may know of a principal: the org changes this part of the type as it likes.
fn facts() -> Value {
    json!({"type": "object", "properties": {}, "description": "What policies decide by. Change the type to declare facts."})
}

fn user_type() -> Value {
    let properties = json!({
        "email": {"type": "string", "format": "email", "maxLength": 254, "x-unique": true},
        "roles": names("Names of roles that the user has in the whole org."),
        "groups": names("Names of groups that the user is in."),
        "facts": facts()
    });
    closed("users", "A person who acts in this org.", &["active", "disabled"], &[], properties)
}

fn client_type() -> Value {
    let addresses = |description: &str| {
        json!({"type": "array", "items": {"type": "string", "format": "uri",
        "maxLength": 2000, "pattern": "^[^#]*$"}, "maxItems": 20, "uniqueItems": true, "description": description})
    };
    let grants = [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    let properties = json!({
        "description": {"type": "string", "maxLength": 2000},
        "redirect_uris": addresses("Where answers of the authorization endpoint may go: compared character by character."),
        "post_logout_redirect_uris": addresses("Where a browser may go after it signed out."),
        "grant_types": {"type": "array", "items": {"enum": grants}, "uniqueItems": true,
            "description": "The grants that it may use; `client_credentials` alone if absent."},
        "token_endpoint_auth_method": {"enum": ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
            "description": "How it shows who it is; by a secret if absent. `none`: a public client, such as an app."},
        "backchannel_logout_uri": {"type": "string", "format": "uri", "maxLength": 2000, "pattern": "^https?://[^#]*$",
            "description": "Where it hears that a session ended."},
        "backchannel_logout_session_required": {"type": "boolean", "description": "Whether it needs `sid` there, which it always gets."},
        "jwks": {"type": "object", "description": "Its public keys, for `private_key_jwt`."},
        "id_token_signed_response_alg": {"enum": ["RS256", "ES256", "EdDSA"],
            "description": "How its tokens are signed; `RS256` if absent."},
        "require_pushed_authorization_requests": {"type": "boolean", "description": "It must push what it asks for (RFC 9126)."},
        "dpop_bound_access_tokens": {"type": "boolean", "description": "It gets no tokens but those that are bound to a key (RFC 9449)."},
        "first_party": {"type": "boolean", "description": "One of the org's own programs: people are not asked for their consent."},
        "roles": names("Names of roles that the client has in the whole org."),
        "groups": names("Names of groups that the client is in."),
        "facts": facts()
    });
    closed("clients", "A program that acts in this org: a service account.", &["active", "disabled"], &[], properties)
}

fn group_type() -> Value {
    let properties = json!({
        "description": {"type": "string", "maxLength": 2000},
        "roles": names("Names of roles that members have in the whole org."),
        "groups": names("Names of groups that this group is in: its members are in them too.")
    });
    closed("groups", "Users and clients; each says which groups it is in.", &["active", "disabled"], &[], properties)
}

fn role_type() -> Value {
    let properties = json!({"description": {"type": "string", "maxLength": 2000}});
    closed("roles", "A name that policies give rights to, as `role::\"editor\"`.", &["active"], &[], properties)
}

fn role_binding_type() -> Value {
    let properties = json!({
        "role": {"type": "string", "maxLength": 200, "x-index": true, "description": "The role's name."},
        "user": {"type": "string", "x-index": true, "x-ref": {"type": "user", "on_delete": "cascade"}},
        "client": {"type": "string", "x-index": true, "x-ref": {"type": "client", "on_delete": "cascade"}},
        "group": {"type": "string", "maxLength": 200, "x-index": true, "description": "The group's name."}
    });
    let description = "Gives a role to a user, a client or a group: within its parent and all below it, or in the whole org without one.";
    let mut attributes = closed("role-bindings", description, &["active", "disabled"], &["role"], properties);
    attributes["schema"]["oneOf"] = json!([{"required": ["user"]}, {"required": ["client"]}, {"required": ["group"]}]);
    attributes
}

fn policy_type() -> Value {
    let properties = json!({
        "description": {"type": "string", "maxLength": 2000},
        "cedar": {"type": "string", "maxLength": 16384, "description": "One or more statements of Cedar."}
    });
    closed("policies", "Says who may do what, in Cedar.", &["active", "disabled"], &["cedar"], properties)
}

fn webhook_type() -> Value {
    let properties = json!({
        "description": {"type": "string", "maxLength": 2000},
        "url": {"type": "string", "format": "uri", "maxLength": 2048, "pattern": "^https?://[^#]*$",
            "description": "Where events are sent to, by POST."},
        "events": {"type": "array", "items": {"type": "string", "maxLength": 200}, "minItems": 1, "maxItems": 50, "uniqueItems": true,
            "description": "Kinds of events: `workspace.created`, `workspace.*`, or `*` for all."},
        "filter": {"type": "string", "maxLength": 8192,
            "description": "Only events whose resource meets this filter: as it is after the event, or as it was before when it is gone."},
        "payload": {"enum": ["full", "thin"],
            "description": "`full`, the default: the event with the resource before and after. `thin`: which resource alone."},
        "order": {"enum": ["none", "fifo"],
            "description": "`fifo`: an event of a resource waits until those before it have arrived or failed for good. `none` is the default."},
        "rate_limit": {"type": "integer", "minimum": 1, "maximum": 10000, "description": "The most messages a second."},
        "headers": {"type": "object", "maxProperties": 20, "additionalProperties": {"type": "string", "maxLength": 1000},
            "propertyNames": {"pattern": "^[A-Za-z0-9-]{1,100}$"}, "description": "Further headers of each message."},
        "authorization": {"type": "string", "maxLength": 4000, "pattern": "^[ -~]*$", "x-secret": true,
            "description": "What the header `Authorization` of each message says."},
        "acts_as": {"type": "string", "pattern": "^(usr|cli)_[0-7][0-9a-hjkmnp-tv-z]{25}$", "x-index": true,
            "description": "The user or client whose view the messages show; whoever made the webhook, if absent."},
        "granted_by": {"type": "string", "pattern": "^(usr|cli)_[0-7][0-9a-hjkmnp-tv-z]{25}$",
            "description": "Who said last what is sent where; written by Admin. Nothing is sent when they may not act as `acts_as` any more."}
    });
    let description = "Sends events to another program, signed.";
    closed("webhooks", description, &["active", "disabled"], &["url", "events"], properties)
}
