//! `x-secret` values: taken out of what a caller sent, sealed, and put back only to validate.

use admin_db::{Tx, secrets};
use admin_schema::{Field, TypeDefinition};
use admin_types::{Attributes, Error, OrgId, ResourceId, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::Inner;

/// What a caller wants with one secret.
pub(crate) struct Wish {
    field: String,
    /// The new value, or `None` to remove it.
    value: Option<SecretString>,
}

impl Wish {
    /// Whether it is about the field.
    pub(crate) fn is_for(&self, field: &str) -> bool {
        self.field == field
    }
}

/// Sets the value at a path, making objects on the way.
pub(crate) fn put(mut at: Option<&mut Value>, path: &[String], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    for key in parents {
        at = at
            .and_then(Value::as_object_mut)
            .map(|object| object.entry(key.as_str()).or_insert_with(|| Value::Object(Attributes::new())));
    }
    if let Some(object) = at.and_then(Value::as_object_mut) {
        object.insert(last.clone(), value);
    }
}

fn take(attributes: &mut Attributes, path: &[String]) -> Option<Value> {
    match path {
        [] => None,
        [last] => attributes.remove(last),
        [first, rest @ ..] => take(attributes.get_mut(first)?.as_object_mut()?, rest),
    }
}

/// Takes the secrets out of `attributes`. A string sets, null removes, absence keeps.
pub(crate) fn extract(definition: &TypeDefinition, attributes: &mut Attributes) -> Vec<Wish> {
    let mut wishes = vec![];
    for field in definition.secrets() {
        let value = match take(attributes, &field.path) {
            None => continue,
            Some(Value::Null) => None,
            Some(Value::String(text)) => Some(SecretString::from(text)),
            // Validation saw the whole document and refused anything else.
            Some(_) => continue,
        };
        wishes.push(Wish { field: field.key.clone(), value });
    }
    wishes
}

fn context(org: OrgId, id: ResourceId, field: &str) -> String {
    format!("secret {org} {id} {field}")
}

/// `attributes` with the stored secrets where none was sent: what the schema is held against.
pub(crate) async fn complete(
    core: &Inner,
    tx: &mut Tx,
    (org, id): (OrgId, ResourceId),
    definition: &TypeDefinition,
    attributes: &Attributes,
) -> Result<Attributes> {
    let mut whole = Value::Object(attributes.clone());
    if definition.secrets().next().is_some() {
        let stored = secrets::of(tx, org, id).await?;
        for field in definition.secrets() {
            let sent = whole.pointer(&field.pointer()["/attributes".len()..]);
            match (sent, stored.iter().find(|(name, _)| *name == field.key)) {
                (None, Some((_, sealed))) if has_place(attributes, &field.path) => {
                    let text = open(core, (org, id), &field.key, sealed)?;
                    put(Some(&mut whole), &field.path, Value::String(text.expose_secret().to_owned()));
                }
                (Some(Value::Null), _) => {
                    if let Some(object) = whole.as_object_mut() {
                        take(object, &field.path);
                    }
                }
                _ => {}
            }
        }
    }
    match whole {
        Value::Object(map) => Ok(map),
        _ => Err(Error::internal("attributes are an object")),
    }
}

/// Whether the object that a secret stands in is there. A secret goes with the object around it.
fn has_place(attributes: &Attributes, path: &[String]) -> bool {
    match path {
        [] | [_] => true,
        [first, rest @ ..] => {
            attributes.get(first).and_then(Value::as_object).is_some_and(|inner| has_place(inner, rest))
        }
    }
}

/// The wishes that change something: what is not there need not be removed, and what lost its place must be. A value
/// counts as a change even if it is the stored one, so that nobody can find out a secret by trying values.
pub(crate) async fn effective(
    tx: &mut Tx,
    (org, id): (OrgId, ResourceId),
    definition: &TypeDefinition,
    attributes: &Attributes,
    mut wishes: Vec<Wish>,
) -> Result<Vec<Wish>> {
    let lost: Vec<&Field> = definition.secrets().filter(|field| !has_place(attributes, &field.path)).collect();
    if lost.is_empty() && wishes.iter().all(|wish| wish.value.is_some()) {
        return Ok(wishes);
    }
    wishes.extend(lost.iter().map(|field| Wish { field: field.key.clone(), value: None }));
    let stored = secrets::of(tx, org, id).await?;
    wishes.retain(|wish| wish.value.is_some() || stored.iter().any(|(field, _)| *field == wish.field));
    Ok(wishes)
}

/// Seals and stores what was wished.
pub(crate) async fn store(core: &Inner, tx: &mut Tx, org: OrgId, id: ResourceId, wishes: &[Wish]) -> Result<()> {
    for wish in wishes {
        let sealed = match &wish.value {
            Some(value) => Some(core.cipher.seal(&context(org, id, &wish.field), value.expose_secret().as_bytes())?),
            None => None,
        };
        secrets::set(tx, org, id, &wish.field, sealed.as_deref()).await?;
    }
    Ok(())
}

/// A stored secret, as it was sent.
pub(crate) fn open(core: &Inner, (org, id): (OrgId, ResourceId), field: &str, sealed: &[u8]) -> Result<SecretString> {
    let plain = core.cipher.open(&context(org, id, field), sealed)?;
    String::from_utf8(plain).map(SecretString::from).map_err(Error::internal)
}
