//! What else happens when a type is created, changed or deleted: its name and path stay unique, its references have
//! targets, and every resource that exists meets what it says now.

mod offenders;
mod policies;

use std::collections::{HashMap, HashSet};

use admin_db::indexes::{self, Entry};
use admin_db::list::{self, Plan, Position, Scope, Selection};
use admin_db::{Tx, index_builds, references, resources, secrets as stored, uniques};
use admin_schema::{Field, Filter, TypeDefinition, key};
use admin_types::{Error, FieldError, OrgId, Resource, ResourceId, Result};
use serde_json::json;

use crate::access::Verb;
use crate::catalogue::{Catalogue, index_name};
use crate::op::Op;
use crate::state::{Link, State};
use crate::{Inner, builtin, secrets};

use self::offenders::{NAMED, Offenders};
use self::policies::check_policies;

/// Resources read in one statement.
const BATCH: i64 = 500;

/// A type comes to be, or comes back.
pub(crate) async fn created(core: &Inner, tx: &mut Tx, op: &Op, state: &State) -> Result<()> {
    let definition = TypeDefinition::compile(&state.resource.name, &state.resource.attributes)?;
    let catalogue = core.catalogues.in_tx(tx, op.principal.org).await?;
    check_names(&catalogue, state.resource.id, &definition)?;
    check_references(&catalogue, &definition)?;
    check_policies(core, tx, op, Some(&definition), None).await
}

/// Whether a type may change so. Writes nothing, since a refused line of an import leaves the others alone.
pub(crate) async fn check(core: &Inner, tx: &mut Tx, op: &Op, before: &State, after: &State) -> Result<Accepted> {
    check_built_in(before, after)?;
    check_sight(core, tx, op, before, after).await?;
    let accepted = check_shipped(core, tx, op, before, after).await?;
    let new = TypeDefinition::compile(&after.resource.name, &after.resource.attributes)?;
    check_policies(core, tx, op, Some(&new), None).await?;
    Ok(accepted)
}

/// The same for what Admin itself ships with a new version.
pub(crate) async fn check_shipped(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    before: &State,
    after: &State,
) -> Result<Accepted> {
    if before.resource.name != after.resource.name {
        let detail = "the name of a type cannot be changed: resources, policies and events carry it";
        return Err(Error::validation(vec![FieldError::new("/name", detail)]));
    }
    let old = TypeDefinition::compile(&before.resource.name, &before.resource.attributes)?;
    let new = TypeDefinition::compile(&after.resource.name, &after.resource.attributes)?;
    let catalogue = core.catalogues.in_tx(tx, op.principal.org).await?;
    check_names(&catalogue, after.resource.id, &new)?;
    check_references(&catalogue, &new)?;
    check_statuses(tx, op, &old, &new).await?;
    let differences = Differences::between(&old, &new);
    let found = differences.check_rows(core, tx, op, &old, &new).await?;
    let keys = |fields: &[&Field]| fields.iter().map(|field| field.key.clone()).collect();
    Ok(Accepted {
        no_longer_unique: keys(&differences.no_longer_unique),
        no_longer_refers: keys(&differences.no_longer_refers),
        indexes: differences.index_states(),
        type_name: new.name,
        found,
    })
}

/// A change of a type that its resources meet: what is left to write.
pub(crate) struct Accepted {
    type_name: String,
    no_longer_unique: Vec<String>,
    no_longer_refers: Vec<String>,
    /// Fields in the index, and what is to be done about them.
    indexes: Vec<(String, &'static str)>,
    found: Found,
}

/// What the resources hold in fields that become unique or references.
#[derive(Default)]
struct Found {
    uniques: HashMap<(String, Vec<u8>), ResourceId>,
    links: Vec<(ResourceId, Link)>,
}

impl Accepted {
    /// Writes it, once nothing can refuse it any more.
    pub(crate) async fn write(self, tx: &mut Tx, org: OrgId) -> Result<()> {
        let name = self.type_name.as_str();
        for field in &self.no_longer_unique {
            uniques::clear(tx, org, name, field).await?;
        }
        for field in &self.no_longer_refers {
            references::clear(tx, org, name, field).await?;
        }
        for ((field, value), id) in self.found.uniques {
            uniques::change(tx, org, name, id, &[], &[Entry { field: &field, value }]).await?;
        }
        for (id, link) in &self.found.links {
            let row = references::Link { field: &link.field, target: link.target, on_delete: link.on_delete };
            references::insert(tx, org, name, *id, &[row]).await?;
        }
        if self.indexes.is_empty() {
            return tx.bump_catalogue();
        }
        let total = resources::live(tx, org, name).await?;
        // The building and dropping of indexes is left to the background.
        for (field, state) in self.indexes {
            let build = index_builds::IndexBuild {
                type_name: self.type_name.clone(),
                field,
                state: state.into(),
                done: 0,
                total: i64::try_from(total).unwrap_or(i64::MAX),
                position: vec![],
            };
            index_builds::put(tx, org, &build).await?;
        }
        tx.bump_catalogue()
    }
}

/// A type goes to the trash or for good: nothing may be left of it.
pub(crate) async fn deleted(core: &Inner, tx: &mut Tx, op: &Op, state: &State) -> Result<()> {
    if builtin::is_built_in(&state.resource.name) {
        let detail = format!("The type `{}` comes with Admin and cannot be deleted.", state.resource.name);
        return Err(Error::conflict("builtin_type", detail));
    }
    if state.is_trashed() {
        return Ok(());
    }
    let (org, name) = (op.principal.org, state.resource.name.as_str());
    let (live, trashed) = (resources::live(tx, org, name).await?, resources::in_trash(tx, org, name).await?);
    if live + trashed > 0 {
        let actor = core.actor_in_tx(tx, &op.principal).await?;
        if actor.rule(op, Verb::Read.as_str(), name).rows != Filter::True {
            let detail =
                format!("The type `{name}` has resources, which you may not all see. They must be purged first.");
            return Err(Error::conflict("type_in_use", detail));
        }
        let detail = format!("The type `{name}` has resources: {live} live, {trashed} in the trash. Purge them first.");
        return Err(Error::conflict("type_in_use", detail).with(json!({"live": live, "trashed": trashed})));
    }
    let catalogue = core.catalogues.in_tx(tx, org).await?;
    let refers = |definition: &TypeDefinition| {
        definition.name != name
            && definition.references().any(|field| field.reference.as_ref().is_some_and(|r| r.type_name == name))
    };
    if let Some(other) = catalogue.all().into_iter().find(|entry| refers(&entry.definition)) {
        let detail = format!("The type `{}` refers to `{name}` by `x-ref`. Change it first.", other.definition.name);
        return Err(Error::conflict("type_in_use", detail));
    }
    check_policies(core, tx, op, None, Some(name)).await?;
    for build in index_builds::of_org(tx, org).await?.into_iter().filter(|build| build.type_name == name) {
        index_builds::remove(tx, org, name, &build.field).await?;
    }
    Ok(())
}

/// What every resource must meet would tell, change by change, what stands in those that the actor does not see.
async fn check_sight(core: &Inner, tx: &mut Tx, op: &Op, before: &State, after: &State) -> Result<()> {
    let (org, name) = (op.principal.org, before.resource.name.as_str());
    let rule = core.actor_in_tx(tx, &op.principal).await?.rule(op, Verb::Read.as_str(), name);
    if rule.rows == Filter::True && rule.fields.is_empty() {
        return Ok(());
    }
    let old = TypeDefinition::compile(name, &before.resource.attributes)?;
    let new = TypeDefinition::compile(&after.resource.name, &after.resource.attributes)?;
    let narrows = old.statuses.iter().any(|status| !new.statuses.contains(status));
    if !narrows && !Differences::between(&old, &new).needs_scan() {
        return Ok(());
    }
    if resources::live(tx, org, name).await? + resources::in_trash(tx, org, name).await? == 0 {
        return Ok(());
    }
    let detail = format!(
        "All resources of the type `{name}` would be held against this change, and you do not see all of them whole. \
         Somebody who does must make it."
    );
    Err(Error::forbidden(detail))
}

/// Of a type that comes with Admin, the facts of principals are the org's to declare, and nothing else.
fn check_built_in(before: &State, after: &State) -> Result<()> {
    if !builtin::is_built_in(&before.resource.name) {
        return Ok(());
    }
    let (old, new) = (&before.resource, &after.resource);
    let same = builtin::with_facts_of(old.attributes.clone(), &new.attributes) == new.attributes;
    if same && old.name == new.name && old.status == new.status && old.parent == new.parent {
        return Ok(());
    }
    let detail = format!(
        "The type `{}` comes with Admin; of it you may change the facts of principals alone (/attributes/schema/properties/facts).",
        old.name
    );
    Err(Error::conflict("builtin_type", detail))
}

fn check_names(catalogue: &Catalogue, id: ResourceId, definition: &TypeDefinition) -> Result<()> {
    let taken = |pointer: &str, value: &str, by: &str| {
        let detail = format!("`{value}` is already taken by the type `{by}`");
        Err(Error::conflict("not_unique", format!("{pointer}: {detail}.")).at(pointer, detail))
    };
    if let Some(other) = catalogue.named(&definition.name).filter(|other| other.id != id) {
        return taken("/name", &definition.name, &other.definition.name);
    }
    match catalogue.at_path(&definition.plural).filter(|other| other.id != id) {
        Some(other) => taken("/attributes/plural", &definition.plural, &other.definition.name),
        None => Ok(()),
    }
}

fn check_references(catalogue: &Catalogue, definition: &TypeDefinition) -> Result<()> {
    let mut errors = vec![];
    for field in definition.references() {
        let Some(reference) = &field.reference else { continue };
        if reference.type_name != definition.name && catalogue.named(&reference.type_name).is_none() {
            let detail = format!("there is no type `{}`; create it first", reference.type_name);
            errors.push(FieldError::new(place(definition, field, "x-ref"), detail));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::validation(errors)) }
}

/// Where a type describes a field: what it says there by `keyword`, or as much of the way to it as stands in the schema.
fn place(definition: &TypeDefinition, field: &Field, keyword: &str) -> String {
    let way = field.path.iter().flat_map(|name| ["properties", name]).chain([keyword]);
    let (mut pointer, mut at) = ("/attributes/schema".to_owned(), &definition.schema);
    for step in way {
        let Some(next) = at.get(step) else { break };
        pointer.push_str(&format!("/{}", admin_types::json::escape(step)));
        at = next;
    }
    pointer
}

async fn check_statuses(tx: &mut Tx, op: &Op, old: &TypeDefinition, new: &TypeDefinition) -> Result<()> {
    for status in old.statuses.iter().filter(|status| !new.statuses.contains(status)) {
        let value = key::encode(&json!(status)).ok_or_else(|| Error::internal("a status without a key"))?;
        let n = indexes::count(tx, op.principal.org, &old.name, &Entry { field: "status", value }).await?;
        if n > 0 {
            let detail = match n {
                1 => format!("1 resource has the status `{status}`, which would be gone. Change it first."),
                n => format!("{n} resources have the status `{status}`, which would be gone. Change them first."),
            };
            let error = Error::conflict("incompatible_type", detail)
                .at("/attributes/statuses", format!("`{status}` is in use"));
            return Err(error.with(json!({"count": n})));
        }
    }
    Ok(())
}

/// What must be done about the rows that exist.
struct Differences<'t> {
    recheck: bool,
    now_unique: Vec<&'t Field>,
    now_refers: Vec<&'t Field>,
    now_secret: Vec<&'t Field>,
    no_longer_secret: Vec<&'t Field>,
    no_longer_unique: Vec<&'t Field>,
    no_longer_refers: Vec<&'t Field>,
    now_indexed: Vec<String>,
    no_longer_indexed: Vec<String>,
}

fn keys<'t>(fields: impl Iterator<Item = &'t Field>) -> HashSet<&'t str> {
    fields.map(|field| field.key.as_str()).collect()
}

impl<'t> Differences<'t> {
    fn between(old: &'t TypeDefinition, new: &'t TypeDefinition) -> Differences<'t> {
        let same_reference = |field: &Field, other: &TypeDefinition| {
            other.references().any(|o| o.key == field.key && o.reference == field.reference)
        };
        let index_names =
            |definition: &TypeDefinition| -> HashSet<String> { definition.indexed().map(index_name).collect() };
        let (old_index, new_index) = (index_names(old), index_names(new));
        let (old_unique, new_unique) = (keys(old.unique()), keys(new.unique()));
        let (old_secret, new_secret) = (keys(old.secrets()), keys(new.secrets()));
        Differences {
            recheck: new.must_recheck(old),
            now_unique: new.unique().filter(|field| !old_unique.contains(field.key.as_str())).collect(),
            no_longer_unique: old.unique().filter(|field| !new_unique.contains(field.key.as_str())).collect(),
            now_refers: new.references().filter(|field| !same_reference(field, old)).collect(),
            no_longer_refers: old.references().filter(|field| !same_reference(field, new)).collect(),
            now_secret: new.secrets().filter(|field| !old_secret.contains(field.key.as_str())).collect(),
            no_longer_secret: old.secrets().filter(|field| !new_secret.contains(field.key.as_str())).collect(),
            now_indexed: new_index.difference(&old_index).cloned().collect(),
            no_longer_indexed: old_index.difference(&new_index).cloned().collect(),
        }
    }

    fn needs_scan(&self) -> bool {
        self.recheck || !self.now_unique.is_empty() || !self.now_refers.is_empty() || !self.now_secret.is_empty()
    }

    /// Holds every live resource against the new definition.
    async fn check_rows(
        &self,
        core: &Inner,
        tx: &mut Tx,
        op: &Op,
        old: &TypeDefinition,
        new: &TypeDefinition,
    ) -> Result<Found> {
        let org = op.principal.org;
        for field in &self.no_longer_secret {
            check_no_secret(tx, org, new, field).await?;
        }
        let (mut offenders, mut found) = (Offenders::default(), Found::default());
        if !self.needs_scan() {
            return Ok(found);
        }
        if !self.now_secret.is_empty() {
            self.check_trash(tx, org, new, &mut offenders).await?;
        }
        let mut after = vec![];
        loop {
            let rows = resources::of_type(tx, org, &new.name, &after, BATCH).await?;
            for (_, document) in &rows {
                let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
                match self.check_row(core, tx, op, (old, new), &resource, &mut found).await {
                    Ok(()) => {}
                    Err(error) if error.kind == admin_types::Kind::Internal => return Err(error),
                    Err(error) => offenders.add(&resource, error),
                }
            }
            match rows.last() {
                Some((id, _)) if rows.len() == BATCH as usize => after = id.to_vec(),
                _ => return offenders.refuse().map(|()| found),
            }
        }
    }

    async fn check_row(
        &self,
        core: &Inner,
        tx: &mut Tx,
        op: &Op,
        (old, new): (&TypeDefinition, &TypeDefinition),
        resource: &Resource,
        found: &mut Found,
    ) -> Result<()> {
        let org = op.principal.org;
        if self.recheck {
            let whole = secrets::complete(core, tx, (org, resource.id), old, &resource.attributes).await?;
            new.validate(&whole)?;
        }
        self.check_plain(resource)?;
        for field in &self.now_unique {
            let Some(value) = field.get(&resource.attributes).and_then(key::encode) else { continue };
            if let Some(holder) = found.uniques.insert((field.key.clone(), value), resource.id) {
                return Err(Error::validation(vec![FieldError::new(
                    field.pointer(),
                    format!("has the same value as {holder}"),
                )]));
            }
        }
        self.check_links(tx, op, new, resource, &mut found.links).await
    }

    /// Refuses a value that stands in plain where a secret will be.
    fn check_plain(&self, resource: &Resource) -> Result<()> {
        match self.now_secret.iter().find(|field| field.get(&resource.attributes).is_some()) {
            None => Ok(()),
            Some(field) => {
                let detail = match resource.deleted_at {
                    None => "holds a value in plain; remove it before the field becomes a secret",
                    Some(_) => {
                        "holds a value in plain, in the trash; purge the resource, or restore it and remove the value"
                    }
                };
                Err(Error::validation(vec![FieldError::new(field.pointer(), detail)]))
            }
        }
    }

    /// What lies in the trash is shown too, so it may hold no secret in plain. All else it must meet when it comes back.
    async fn check_trash(
        &self,
        tx: &mut Tx,
        org: OrgId,
        new: &TypeDefinition,
        offenders: &mut Offenders,
    ) -> Result<()> {
        let scope = Scope::Types(vec![new.name.clone()]);
        let trash = Selection { org, scope: &scope, trashed: true, filter: &Filter::True };
        let mut after = None;
        loop {
            let rows = list::page(tx, &trash, (&Plan::ById(None), false), after.as_ref(), 0, BATCH as u32).await?;
            for row in &rows {
                let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
                if let Err(error) = self.check_plain(&resource) {
                    offenders.add(&resource, error);
                }
            }
            match rows.last() {
                Some(last) if rows.len() == BATCH as usize => {
                    after = Some(Position { key: vec![], id: last.id, seq: 0 });
                }
                _ => return Ok(()),
            }
        }
    }

    async fn check_links(
        &self,
        tx: &mut Tx,
        op: &Op,
        new: &TypeDefinition,
        resource: &Resource,
        found: &mut Vec<(ResourceId, Link)>,
    ) -> Result<()> {
        if self.now_refers.is_empty() {
            return Ok(());
        }
        let org = op.principal.org;
        for link in crate::state::links(new, resource)? {
            if !self.now_refers.iter().any(|field| field.key == link.field) {
                continue;
            }
            let live = references::live(tx, org, &[link.target.bytes].into()).await?;
            if live.get(&link.target) != Some(&link.target_type) {
                let detail =
                    format!("names {}, which is not a resource of the type `{}`", link.target, link.target_type);
                return Err(Error::validation(vec![FieldError::new(link.pointer, detail)]));
            }
            found.push((resource.id, link));
        }
        Ok(())
    }

    fn index_states(&self) -> Vec<(String, &'static str)> {
        let added = self.now_indexed.iter().map(|field| (field.clone(), "clearing"));
        added.chain(self.no_longer_indexed.iter().map(|field| (field.clone(), "dropping"))).collect()
    }
}

/// Refuses to show a field in plain while resources hold a secret there.
async fn check_no_secret(tx: &mut Tx, org: OrgId, new: &TypeDefinition, field: &Field) -> Result<()> {
    let (count, trashed) = stored::count(tx, org, &new.name, &field.key).await?;
    if count == 0 {
        return Ok(());
    }
    let mut offenders = Offenders::of(count, trashed);
    for document in stored::holders(tx, org, &new.name, &field.key, NAMED as i64).await? {
        let resource: Resource = serde_json::from_str(&document).map_err(Error::internal)?;
        let detail = "holds a secret that would be lost or shown; remove it first";
        offenders.name(&resource, Error::validation(vec![FieldError::new(field.pointer(), detail)]));
    }
    let detail = format!("`{}` cannot cease to be a secret while resources hold one there", field.key);
    offenders.refuse().map_err(|error| error.at(place(new, field, "x-secret"), detail))
}
