//! The policies in force must stay valid whatever becomes of a type.

use admin_db::Tx;
use admin_policy::{Schema, check, check_meaning};
use admin_schema::TypeDefinition;
use admin_types::{Error, Result};
use serde_json::{Value, json};

use crate::Inner;
use crate::op::Op;

/// The most policies that an error names.
const NAMED: usize = 10;

/// Refuses types under which a policy in force would no longer be valid: all of the org's, but with `changed` instead of the
/// one of its name, and without `gone`.
pub(super) async fn check_policies(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    changed: Option<&TypeDefinition>,
    gone: Option<&str>,
) -> Result<()> {
    let access = core.access_in_tx(tx, op.principal.org).await?;
    let all = access.catalogue.all();
    let others = all.iter().map(|entry| &entry.definition);
    let others = others.filter(|other| gone != Some(&*other.name) && changed.is_none_or(|new| new.name != other.name));
    let schema = Schema::build(&others.chain(changed).collect::<Vec<_>>());
    let sources = access.sources_in_tx(tx, op.principal.org).await?;
    let loses = changed
        .is_some_and(|new| all.iter().any(|old| old.definition.name == new.name && forgets(&old.definition, new)));
    let broken = sources.iter().filter_map(|source| {
        let error = match check(&schema, &source.cedar) {
            Ok(()) if loses => check_meaning(&access.schema, &schema, &source.cedar).err()?,
            checked => checked.err()?,
        };
        Some((source, error))
    });
    let broken: Vec<Value> = broken
        .map(|(source, error)| json!({"id": source.id, "name": source.name, "reason": error.errors.first().map(|one| &one.detail)}))
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "Policies would no longer be valid: {} of them, the first is `{}`: {}. Change or disable them first.",
        broken.len(),
        broken[0]["name"].as_str().unwrap_or_default(),
        broken[0]["reason"].as_str().unwrap_or_default()
    );
    let shown = &broken[..broken.len().min(NAMED)];
    Err(Error::conflict("breaks_policy", detail).with(json!({"policies": shown, "count": broken.len()})))
}

/// Whether a field is gone.
fn forgets(old: &TypeDefinition, new: &TypeDefinition) -> bool {
    old.fields.iter().any(|field| !new.fields.iter().any(|other| other.path == field.path))
}
