//! Resources: create, read, change, restore. Deletion is in `delete`.

use std::sync::Arc;

use admin_db::{Conn, Tx, events, resources};
use admin_types::{Error, Event, FieldError, Kind, Resource, ResourceId, Result, action};
use serde_json::Value;

use crate::catalogue::Catalogue;
use crate::decide::{Verb, decide};
use crate::draft::{Draft, check_status};
use crate::op::Op;
use crate::patch::Patch;
use crate::state::State;
use crate::{Core, Inner, TypeEntry, change, idempotency, secrets, type_change};

/// The answer to a change.
#[derive(Debug)]
pub struct Written {
    /// The resource's id.
    pub id: ResourceId,
    /// The name of its type.
    pub type_name: String,
    /// Its version now.
    pub version: i64,
    /// Its wire text.
    pub document: String,
    /// Whether this repeats an answer given before under the same `Idempotency-Key`.
    pub replayed: bool,
    /// For a dry run, the events that there would have been.
    pub events: Vec<Event>,
}

impl Written {
    pub(crate) fn new(state: &State) -> Written {
        Written {
            id: state.resource.id,
            type_name: state.resource.type_name.clone(),
            version: state.resource.version,
            document: state.document.clone(),
            replayed: false,
            events: vec![],
        }
    }

    fn replay(answer: String) -> Result<Written> {
        let resource: Resource = serde_json::from_str(&answer).map_err(Error::internal)?;
        Ok(Written {
            id: resource.id,
            type_name: resource.type_name,
            version: resource.version,
            document: answer,
            replayed: true,
            events: vec![],
        })
    }
}

/// Creates a resource. `of_type` is the type that the path names, if it does; otherwise the document names it.
pub async fn create_resource(core: &Core, op: Op, of_type: Option<String>, document: Value) -> Result<Written> {
    let org = op.principal.org;
    let _running = core.idempotency.enter(&op)?;
    let catalogue = core.catalogues.get(&core.db, org).await?;
    // Checked here, beside the writer; once more in the transaction only if a type changed in between.
    let prepared = match op.idempotency.is_some() {
        true => None,
        false => Some(Creation::prepare(core, &op, &catalogue, of_type.as_deref(), document.clone())?),
    };
    let job = (core.clone(), Arc::new((op, of_type, document, prepared, catalogue.version)));
    let type_changed = job.1.3.as_ref().is_some_and(|creation| creation.state.resource.type_name == "type");
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, job) = &job;
        let (op, of_type, document, prepared, version) = &**job;
        if let Some(answer) = idempotency::replay(core, tx, op).await? {
            return Written::replay(answer);
        }
        let creation = match prepared {
            Some(prepared) if tx.catalogue()? == *version => prepared.clone(),
            _ => {
                let catalogue = core.catalogues.in_tx(tx, op.principal.org).await?;
                Creation::prepare(core, op, &catalogue, of_type.as_deref(), document.clone())?
            }
        };
        let first = tx.seq()?;
        creation.write(core, tx, op).await?;
        idempotency::keep(core, tx, op, &creation.state.document).await?;
        finish(tx, op, first, Written::new(&creation.state)).await
    });
    let written = written.await?;
    if type_changed || written.type_name == "type" {
        core.catalogues.changed(&core.db, org).await?;
    }
    Ok(written)
}

/// A resource about to be created.
#[derive(Clone)]
pub(crate) struct Creation {
    pub(crate) state: State,
    /// Whether the caller chose the id, so that it may be taken.
    chosen_id: bool,
    wishes: Arc<Vec<secrets::Wish>>,
}

impl Creation {
    /// Checks all that needs no transaction.
    pub(crate) fn prepare(
        core: &Inner,
        op: &Op,
        catalogue: &Catalogue,
        of_type: Option<&str>,
        document: Value,
    ) -> Result<Creation> {
        let draft = Draft::read(document, None)?;
        let entry = type_of(catalogue, of_type, draft.type_name.as_deref())?;
        decide(&op.principal, Verb::Create, entry)?;
        let definition = &entry.definition;
        let chosen_id = draft.id.is_some();
        let id = match draft.id {
            Some(id) if id.prefix != admin_types::Prefix::of_type(&definition.name) => {
                let detail = format!(
                    "ids of the type `{}` begin with `{}_`",
                    definition.name,
                    admin_types::Prefix::of_type(&definition.name).as_str()
                );
                return Err(Error::validation(vec![FieldError::new("/id", detail)]));
            }
            Some(id) => id,
            None => ResourceId::new(&definition.name, op.now, &*core.random),
        };
        let status = draft.status_of(definition)?;
        definition.validate(&draft.attributes)?;
        let mut attributes = draft.attributes;
        let wishes = secrets::extract(definition, &mut attributes);
        let resource = Resource {
            id,
            type_name: definition.name.clone(),
            name: draft.name,
            status,
            attributes,
            labels: draft.labels,
            parent: draft.parent,
            version: 1,
            created_at: op.now,
            updated_at: op.now,
            deleted_at: None,
        };
        let state = State::of(entry.clone(), resource)?;
        Ok(Creation { state, chosen_id, wishes: Arc::new(wishes) })
    }

    /// Writes the resource and its event. Refused before anything is written.
    pub(crate) async fn write(&self, core: &Inner, tx: &mut Tx, op: &Op) -> Result<()> {
        let (org, id) = (op.principal.org, self.state.resource.id);
        if self.chosen_id && resources::parent(tx, org, id.bytes).await?.is_some() {
            return Err(Error::conflict("already_exists", format!("There is already a resource {id}."))
                .at("/id", "is already taken"));
        }
        if self.state.entry.definition.name == "type" {
            type_change::created(core, tx, op, &self.state).await?;
        }
        change::apply(core, tx, op, action::CREATED, None, Some(&self.state)).await?;
        secrets::store(core, tx, org, id, &self.wishes).await
    }
}

fn type_of<'c>(catalogue: &'c Catalogue, path: Option<&str>, document: Option<&str>) -> Result<&'c Arc<TypeEntry>> {
    match (path, document) {
        (Some(path), Some(other)) if path != other => {
            Err(Error::validation(vec![FieldError::new("/type", format!("must be `{path}` here, or be left out"))]))
        }
        (Some(path), _) => catalogue.require(path, "/type"),
        (None, Some(name)) => catalogue.require(name, "/type"),
        (None, None) => {
            Err(Error::validation(vec![FieldError::new("/type", "is missing; name the type of the resource")]))
        }
    }
}

/// Ends a change: a dry run reads the events back and leaves nothing behind.
pub(crate) async fn finish(tx: &mut Tx, op: &Op, first_seq: i64, mut written: Written) -> Result<Written> {
    if op.dry_run {
        let query = events::EventQuery { after: Some(first_seq), ..Default::default() };
        written.events = events::list(tx, op.principal.org, &query, 0, 200).await?;
        tx.roll_back();
    }
    Ok(written)
}

/// One resource as its wire text. `of_type` as the path names it. `trashed`: look in the trash too.
pub async fn get_resource(
    core: &Core,
    op: &Op,
    of_type: Option<&str>,
    id: ResourceId,
    trashed: bool,
) -> Result<Written> {
    let catalogue = core.catalogues.get(&core.db, op.principal.org).await?;
    let mut conn = core.db.read_once().await?;
    let row = find(&mut conn, op, of_type, id).await?;
    if row.deleted && !trashed {
        return Err(Error::not_found("resource"));
    }
    let entry = catalogue.named(&row.type_name).ok_or_else(|| Error::not_found("resource"))?;
    decide(&op.principal, Verb::Read, entry)?;
    Ok(Written {
        id,
        type_name: row.type_name,
        version: row.version,
        document: row.document,
        replayed: false,
        events: vec![],
    })
}

async fn find(conn: &mut Conn, op: &Op, of_type: Option<&str>, id: ResourceId) -> Result<resources::ResourceRow> {
    let row = resources::get(conn, op.principal.org, id).await?.ok_or_else(|| Error::not_found("resource"))?;
    if of_type.is_some_and(|name| name != row.type_name) {
        return Err(Error::not_found("resource"));
    }
    Ok(row)
}

/// The state of a resource inside a write, once it is known that the principal may do `verb` and the version matches.
pub(crate) async fn current(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    (of_type, id, verb): (Option<&str>, ResourceId, Verb),
) -> Result<State> {
    let catalogue = core.catalogues.in_tx(tx, op.principal.org).await?;
    let row = find(tx, op, of_type, id).await?;
    let entry = catalogue.named(&row.type_name).ok_or_else(|| Error::not_found("resource"))?;
    decide(&op.principal, Verb::Read, entry)?;
    decide(&op.principal, verb, entry)?;
    if let Some(wanted) = op.if_match
        && wanted != row.version
    {
        let detail =
            format!("The resource is at version {}, not {wanted}. Read it again and repeat the change.", row.version);
        return Err(Error::new(Kind::PreconditionFailed, "version_mismatch", detail)
            .with(serde_json::json!({"version": row.version})));
    }
    State::read(entry.clone(), row.document)
}

/// Changes a resource by a patch.
pub async fn update_resource(
    core: &Core,
    op: Op,
    of_type: Option<String>,
    id: ResourceId,
    patch: Patch,
) -> Result<Written> {
    let org = op.principal.org;
    let job = (core.clone(), Arc::new((op, of_type, patch)));
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, job) = &job;
        let (op, of_type, patch) = &**job;
        let first = tx.seq()?;
        let before = current(core, tx, op, (of_type.as_deref(), id, Verb::Update)).await?;
        if before.is_trashed() {
            return Err(Error::not_found("resource"));
        }
        let after = update(core, tx, op, &before, patch).await?;
        finish(tx, op, first, Written::new(&after)).await
    });
    let written = written.await?;
    if written.type_name == "type" {
        core.catalogues.changed(&core.db, org).await?;
        core.index_work.notify_one();
    }
    Ok(written)
}

/// Replaces a resource by a whole document.
pub async fn replace_resource(
    core: &Core,
    op: Op,
    of_type: Option<String>,
    id: ResourceId,
    document: Value,
) -> Result<Written> {
    update_resource(core, op, of_type, id, Patch::Replace(document)).await
}

/// Writes a changed state; a patch that changes nothing writes nothing.
pub(crate) async fn update(core: &Inner, tx: &mut Tx, op: &Op, before: &State, patch: &Patch) -> Result<State> {
    let (org, definition) = (op.principal.org, &before.entry.definition);
    let draft = Draft::read(patch.apply(&before.resource, definition)?, Some(&before.resource))?;
    let status = draft.status_of(definition)?;
    let whole = secrets::complete(core, tx, (org, before.resource.id), definition, &draft.attributes).await?;
    definition.validate(&whole)?;
    let mut attributes = draft.attributes;
    let wishes = secrets::extract(definition, &mut attributes);
    let wishes = secrets::effective(tx, (org, before.resource.id), definition, &attributes, wishes).await?;
    let old = &before.resource;
    let same = old.name == draft.name && old.status == status && old.attributes == attributes;
    if same && old.labels == draft.labels && old.parent == draft.parent && wishes.is_empty() {
        return Ok(before.clone());
    }
    check_immutable(before, &attributes, &wishes)?;
    let resource = Resource {
        name: draft.name,
        status,
        attributes,
        labels: draft.labels,
        parent: draft.parent,
        version: old.version + 1,
        updated_at: op.now,
        ..old.clone()
    };
    let after = State::of(before.entry.clone(), resource)?;
    let accepted = match definition.name.as_str() {
        "type" => Some(type_change::check(core, tx, op, before, &after).await?),
        _ => None,
    };
    change::apply(core, tx, op, action::UPDATED, Some(before), Some(&after)).await?;
    if let Some(accepted) = accepted {
        accepted.write(tx, org).await?;
    }
    secrets::store(core, tx, org, old.id, &wishes).await?;
    Ok(after)
}

fn check_immutable(before: &State, attributes: &admin_types::Attributes, wishes: &[secrets::Wish]) -> Result<()> {
    let mut errors = vec![];
    for field in before.entry.definition.immutable() {
        let changed = field.get(&before.resource.attributes) != field.get(attributes);
        if changed || wishes.iter().any(|wish| wish.is_for(&field.key)) {
            errors.push(FieldError::new(field.pointer(), "is immutable: it was set when the resource was created"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::unprocessable("immutable", errors)) }
}

/// Takes a resource out of the trash.
pub async fn restore_resource(core: &Core, op: Op, of_type: Option<String>, id: ResourceId) -> Result<Written> {
    let org = op.principal.org;
    let _running = core.idempotency.enter(&op)?;
    let job = (core.clone(), Arc::new((op, of_type)));
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, job) = &job;
        let (op, of_type) = &**job;
        if let Some(answer) = idempotency::replay(core, tx, op).await? {
            return Written::replay(answer);
        }
        let first = tx.seq()?;
        let before = current(core, tx, op, (of_type.as_deref(), id, Verb::Update)).await?;
        if !before.is_trashed() {
            return Err(Error::conflict("not_in_trash", "The resource is not in the trash."));
        }
        // The type may have changed while the resource lay there.
        let definition = &before.entry.definition;
        check_status(definition, &before.resource.status)?;
        definition.validate(&secrets::complete(core, tx, (org, id), definition, &before.resource.attributes).await?)?;
        let mut resource = before.resource.clone();
        let wishes = secrets::extract(definition, &mut resource.attributes);
        (resource.deleted_at, resource.version, resource.updated_at) = (None, resource.version + 1, op.now);
        let after = State::of(before.entry.clone(), resource)?;
        if before.entry.definition.name == "type" {
            type_change::created(core, tx, op, &after).await?;
        }
        change::apply(core, tx, op, action::RESTORED, Some(&before), Some(&after)).await?;
        secrets::store(core, tx, org, id, &wishes).await?;
        idempotency::keep(core, tx, op, &after.document).await?;
        finish(tx, op, first, Written::new(&after)).await
    });
    let written = written.await?;
    if written.type_name == "type" {
        core.catalogues.changed(&core.db, org).await?;
    }
    Ok(written)
}
