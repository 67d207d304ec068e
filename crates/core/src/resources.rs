//! Resources: create, read, change, restore. Deletion is in `delete`.

use std::sync::Arc;

use admin_db::{Conn, Tx, client_secrets, events, resources};
use admin_schema::{Filter, NoRelated, TypeDefinition};
use admin_types::{Attributes, Error, Event, FieldError, Kind, OrgId, Resource, ResourceId, Result, action};
use serde_json::Value;

use crate::access::{Actor, Known, Verb, hidden, refuse};
use crate::catalogue::Catalogue;
use crate::draft::{Draft, check_status};
use crate::op::Op;
use crate::patch::Patch;
use crate::state::State;
use crate::{Core, Inner, TypeEntry, builtin, change, idempotency, secrets, type_change, webhooks};

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

    /// The answer given before, as far as it may be seen now: by who may read what it tells of, or may still make such.
    async fn replay(answer: String, core: &Inner, tx: &mut Tx, op: &Op, verb: Verb) -> Result<Written> {
        let resource: Resource = serde_json::from_str(&answer).map_err(Error::internal)?;
        let (actor, mut known) = (core.actor_in_tx(tx, &op.principal).await?, Known::default());
        if !actor.may(tx, op, &mut known, Verb::Read, &resource).await? {
            match verb {
                Verb::Create if actor.may(tx, op, &mut known, verb, &resource).await? => {}
                Verb::Create => return Err(refuse(verb, &resource.type_name, None, "any more")),
                _ => return Err(hidden(&resource.type_name, resource.id)),
            }
        }
        let answer = actor.show(tx, op, &mut known, &resource.type_name, answer).await?;
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
    // Checked here, beside the writer; once more in the transaction only if a type changed in between.
    let prepare = |actor: &Arc<Actor>| {
        let creation = Creation::prepare(core, &op, actor, of_type.as_deref(), document.clone())?;
        Ok((creation, actor.access.versions))
    };
    let prepared = match op.idempotency.is_some() {
        true => None,
        false => Some(core.acting(&op, prepare).await?),
    };
    let job = (core.clone(), Arc::new((op, of_type, document, prepared)));
    let written = core.db.write(org, async move |tx: &mut Tx| {
        let (core, job) = &job;
        let (op, of_type, document, prepared) = &**job;
        if let Some(answer) = idempotency::replay(core, tx, op).await? {
            return Written::replay(answer, core, tx, op, Verb::Create).await;
        }
        let creation = match prepared {
            Some((prepared, versions)) if tx.versions()? == *versions => prepared.clone(),
            _ => {
                let actor = core.actor_in_tx(tx, &op.principal).await?;
                Creation::prepare(core, op, &actor, of_type.as_deref(), document.clone())?
            }
        };
        let first = tx.seq()?;
        creation.write(core, tx, op).await?;
        idempotency::keep(core, tx, op, &creation.state.document).await?;
        finish(core, tx, op, first, Written::new(&creation.state)).await
    });
    let written = written.await?;
    core.written(org, &written.type_name).await?;
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
        actor: &Actor,
        of_type: Option<&str>,
        document: Value,
    ) -> Result<Creation> {
        let draft = Draft::read(document, None)?;
        let entry = type_of(actor.catalogue(), of_type, draft.type_name.as_deref())?;
        let definition = &entry.definition;
        if actor.may_never(op, Verb::Create, &definition.name) {
            return Err(actor.refusal_to_create(op, &definition.name));
        }
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
        check_policy(actor, definition, &draft.attributes)?;
        let mut attributes = draft.attributes;
        let wishes = secrets::extract(definition, &mut attributes);
        webhooks::complete(op, definition, &mut attributes);
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

    /// Whether there is such a resource. Of users and clients, whether any org has one: tokens say the id alone, and nobody
    /// must pass for somebody of another org.
    async fn is_taken(&self, tx: &mut Tx, org: OrgId) -> Result<bool> {
        let id = self.state.resource.id;
        let here = resources::parent(tx, org, id.bytes).await?.is_some();
        Ok(here || id.prefix.is_principal() && client_secrets::is_elsewhere(tx, org, id).await?)
    }

    /// Writes the resource and its event. Refused before anything is written.
    pub(crate) async fn write(&self, core: &Inner, tx: &mut Tx, op: &Op) -> Result<()> {
        let (org, id) = (op.principal.org, self.state.resource.id);
        if self.chosen_id && self.is_taken(tx, org).await? {
            // Who may not create it learns no more than that, whether the id is taken or not.
            let actor = core.actor_in_tx(tx, &op.principal).await?;
            change::permit(core, tx, op, &actor, None, Some(&self.state)).await?;
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

/// Ends a change: the answer shows what its reader may see, and a dry run reads the events back and leaves nothing behind.
pub(crate) async fn finish(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    first_seq: i64,
    mut written: Written,
) -> Result<Written> {
    let (actor, mut known) = (core.actor_in_tx(tx, &op.principal).await?, Known::default());
    if op.dry_run {
        let query = events::EventQuery { after: Some(first_seq), ..Default::default() };
        for event in events::list(tx, op.principal.org, &query, 0, 200).await? {
            written.events.extend(actor.show_event(tx, op, &mut known, event).await?);
        }
        tx.roll_back();
    }
    let document = std::mem::take(&mut written.document);
    written.document = actor.show(tx, op, &mut known, &written.type_name, document).await?;
    Ok(written)
}

impl Inner {
    /// Has this process know what a change of a resource of this type means for all others.
    pub(crate) async fn written(&self, org: OrgId, type_name: &str) -> Result<()> {
        if builtin::is_built_in(type_name) {
            self.catalogues.changed(&self.db, org).await?;
        }
        if type_name == "type" {
            self.index_work.notify_one();
        }
        Ok(())
    }
}

/// One resource as its wire text. `of_type` as the path names it. `trashed`: look in the trash too.
pub async fn get_resource(
    core: &Core,
    op: &Op,
    of_type: Option<&str>,
    id: ResourceId,
    trashed: bool,
) -> Result<Written> {
    let mut conn = core.db.read_once().await?;
    let row = find(&mut conn, op, of_type, id).await?;
    drop(conn);
    let of_resource = |actor: &Arc<Actor>| {
        let entry = actor.catalogue().of_resource(&row.type_name)?;
        Ok((actor.clone(), entry.definition.sensitive))
    };
    let (actor, sensitive) = core.acting(op, of_resource).await?;
    if row.deleted && !trashed {
        return Err(Error::not_found("resource"));
    }
    let rule = actor.rule(op, Verb::Read.as_str(), &row.type_name);
    let document = match (&rule.rows, rule.fields.is_empty()) {
        (Filter::True, true) => row.document,
        (Filter::False, _) => return Err(hidden(&row.type_name, id)),
        (rows, true) if !rows.looks_beyond() => {
            let resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            if !rows.matches(&resource, &NoRelated) {
                return Err(hidden(&row.type_name, id));
            }
            row.document
        }
        _ => {
            // More than one statement may follow, of one state of the database.
            let mut conn = core.db.read().await?;
            let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
            let mut known = Known::default();
            if !actor.may(&mut conn, op, &mut known, Verb::Read, &resource).await? {
                return Err(hidden(&row.type_name, id));
            }
            actor.show(&mut conn, op, &mut known, &row.type_name, row.document).await?
        }
    };
    core.record_read(op, &row.type_name, id, sensitive).await;
    Ok(Written { id, type_name: row.type_name, version: row.version, document, replayed: false, events: vec![] })
}

async fn find(conn: &mut Conn, op: &Op, of_type: Option<&str>, id: ResourceId) -> Result<resources::ResourceRow> {
    let row = resources::get(conn, op.principal.org, id).await?.ok_or_else(|| Error::not_found("resource"))?;
    if of_type.is_some_and(|name| name != row.type_name) {
        return Err(Error::not_found("resource"));
    }
    Ok(row)
}

/// The state of a resource inside a write, once it is known that the principal may see it and do `verb`, and that the
/// version matches.
pub(crate) async fn current(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    (of_type, id, verb): (Option<&str>, ResourceId, Verb),
) -> Result<State> {
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    let row = find(tx, op, of_type, id).await?;
    let entry = actor.catalogue().of_resource(&row.type_name)?;
    let (version, state) = (row.version, State::read(entry.clone(), row.document)?);
    let mut known = Known::default();
    if !actor.may(tx, op, &mut known, Verb::Read, &state.resource).await? {
        return Err(hidden(&row.type_name, id));
    }
    if !actor.may(tx, op, &mut known, verb, &state.resource).await? {
        return Err(actor.refusal(tx, op, &mut known, (verb, &state.resource), "here").await?);
    }
    if let Some(wanted) = op.if_match
        && wanted != version
    {
        let detail =
            format!("The resource is at version {version}, not {wanted}. Read it again and repeat the change.");
        return Err(Error::new(Kind::PreconditionFailed, "version_mismatch", detail)
            .with(serde_json::json!({"version": version})));
    }
    Ok(state)
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
        finish(core, tx, op, first, Written::new(&after)).await
    });
    let written = written.await?;
    core.written(org, &written.type_name).await?;
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
    let (document, touched) = patched(core, tx, op, before, patch).await?;
    let draft = Draft::read(document, Some(&before.resource))?;
    let status = draft.status_of(definition)?;
    let whole = secrets::complete(core, tx, (org, before.resource.id), definition, &draft.attributes).await?;
    definition.validate(&whole)?;
    let mut attributes = draft.attributes;
    let wishes = secrets::extract(definition, &mut attributes);
    let wishes = secrets::effective(tx, (org, before.resource.id), definition, &attributes, wishes).await?;
    let old = &before.resource;
    webhooks::renew(op, definition, &old.attributes, &mut attributes);
    let same = old.name == draft.name && old.status == status && old.attributes == attributes;
    if same && old.labels == draft.labels && old.parent == draft.parent && wishes.is_empty() && touched.is_empty() {
        return Ok(before.clone());
    }
    check_immutable(before, &draft.name, &attributes, &wishes, &touched)?;
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    check_policy(&actor, definition, &attributes)?;
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
    if !touched.is_empty() {
        let states = (Some(old), &after.resource);
        actor.check_fields(tx, op, &mut Known::default(), Verb::Update, states, &touched).await?;
        change::check_seen_targets(tx, op, &actor, &after, &touched).await?;
    }
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

/// A policy must be valid, and one that lists can be filtered by, when it is saved: nothing is found out later.
fn check_policy(actor: &Actor, definition: &TypeDefinition, attributes: &Attributes) -> Result<()> {
    match (definition.name.as_str(), attributes.get("cedar").and_then(Value::as_str)) {
        ("policy", Some(cedar)) => admin_policy::check(&actor.access.schema, cedar),
        _ => Ok(()),
    }
}

/// The document that a patch makes of what the writer may see, and the fields of which it says something though they are
/// not shown; what the writer does not see stays.
async fn patched(
    core: &Inner,
    tx: &mut Tx,
    op: &Op,
    before: &State,
    patch: &Patch,
) -> Result<(Value, Vec<Vec<String>>)> {
    let actor = core.actor_in_tx(tx, &op.principal).await?;
    let definition = &before.entry.definition;
    if actor.rule(op, Verb::Read.as_str(), &definition.name).fields.is_empty() {
        return Ok((patch.apply(&before.resource, definition)?, vec![]));
    }
    let shown = actor.shown(tx, op, &mut Known::default(), before.resource.clone()).await?;
    let mut document = patch.apply(&shown, definition)?;
    let touched = actor.touched(op, &document, &shown)?;
    Actor::put_back(&mut document, &shown, &before.resource)?;
    Ok((document, touched))
}

fn check_immutable(
    before: &State,
    name: &str,
    attributes: &admin_types::Attributes,
    wishes: &[secrets::Wish],
    touched: &[Vec<String>],
) -> Result<()> {
    let is_touched = |path: &[String]| touched.iter().any(|one| one.get(1..).is_some_and(|one| path.starts_with(one)));
    let mut errors = vec![];
    if builtin::is_named(&before.resource.type_name) && before.resource.name != *name {
        errors.push(FieldError::new("/name", "stays: policies name roles and groups by their names"));
    }
    for field in before.entry.definition.immutable() {
        let changed = is_touched(&field.path) || field.get(&before.resource.attributes) != field.get(attributes);
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
            return Written::replay(answer, core, tx, op, Verb::Update).await;
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
        check_policy(&*core.actor_in_tx(tx, &op.principal).await?, definition, &before.resource.attributes)?;
        let mut resource = before.resource.clone();
        (resource.deleted_at, resource.version, resource.updated_at) = (None, resource.version + 1, op.now);
        let after = State::of(before.entry.clone(), resource)?;
        if before.entry.definition.name == "type" {
            type_change::created(core, tx, op, &after).await?;
        }
        change::apply(core, tx, op, action::RESTORED, Some(&before), Some(&after)).await.map_err(without_targets)?;
        idempotency::keep(core, tx, op, &after.document).await?;
        finish(core, tx, op, first, Written::new(&after)).await
    });
    let written = written.await?;
    core.written(org, &written.type_name).await?;
    Ok(written)
}

/// Who restores a resource need not see all that it refers to, nor by which fields: that they lead nowhere is said, but not
/// where to.
fn without_targets(error: Error) -> Error {
    if error.code != "dangling_reference" {
        return error;
    }
    let detail = "refers to what is not there any more, or what you may not see";
    let errors = error.errors.into_iter().map(|one| FieldError::new(one.pointer, detail));
    Error::unprocessable("dangling_reference", errors.collect())
}
