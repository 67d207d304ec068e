//! What other programs ask: whether a subject may do something to a resource, and who, what and how (AuthZEN
//! Authorization API 1.0).

use std::sync::Arc;

use admin_db::Conn;
use admin_db::list::{self, Plan, Position, Scope, Selection};
use admin_schema::{Comparison, Filter, Literal, Path};
use admin_types::{Error, Principal, Resource, ResourceId, Result};

use crate::Core;
use crate::access::{Actor, Known, Verb};
use crate::op::Op;

/// The most results of a page.
pub const MAX_RESULTS: u32 = 200;

/// A subject or a resource, as a program names it: a type and an id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The name of its type.
    pub type_name: String,
    /// Its id; one that is none names nothing.
    pub id: String,
}

/// A page of a search.
#[derive(Debug)]
pub struct Found {
    /// The results.
    pub ids: Vec<ResourceId>,
    /// Where the next page begins.
    pub next: Option<ResourceId>,
}

/// One question after the other, for a caller who may ask them.
pub struct Asking {
    core: Core,
    op: Op,
    asker: Arc<Actor>,
    others: bool,
}

impl Asking {
    /// Whoever may read policies may ask about everybody; everybody may ask about themselves.
    pub async fn begin(core: &Core, op: &Op) -> Result<Asking> {
        let asker = core.actor(op).await?;
        let others = !asker.may_never(op, Verb::Read, "policy");
        Ok(Asking { core: core.clone(), op: op.clone(), asker, others })
    }

    /// Whether the subject may do the action to the resource. What is not there may do nothing, and nothing may be done to it.
    pub async fn evaluate(&self, subject: &Named, action: &str, resource: &Named) -> Result<bool> {
        let Some(actor) = self.subject(subject).await? else { return Ok(false) };
        let mut conn = self.core.db.read().await?;
        match self.resource(&mut conn, resource).await? {
            Some(resource) => self.decide(&mut conn, &actor, action, &resource).await,
            None => Ok(false),
        }
    }

    /// The actions of the resource's type that the subject may do to it.
    pub async fn actions(&self, subject: &Named, resource: &Named) -> Result<Vec<String>> {
        let Some(actor) = self.subject(subject).await? else { return Ok(vec![]) };
        let mut conn = self.core.db.read().await?;
        let Some(resource) = self.resource(&mut conn, resource).await? else { return Ok(vec![]) };
        let own = self.asker.catalogue().named(&resource.type_name).map(|entry| entry.definition.actions.clone());
        let verbs = ["read", "create", "update", "delete"].map(str::to_owned).into_iter();
        let mut allowed = vec![];
        for verb in verbs.chain(own.unwrap_or_default()) {
            if self.decide(&mut conn, &actor, &verb, &resource).await? {
                allowed.push(verb);
            }
        }
        Ok(allowed)
    }

    /// The resources of a type to which the subject may do the action.
    pub async fn resources(
        &self,
        subject: &Named,
        action: &str,
        type_name: &str,
        after: Option<ResourceId>,
        limit: u32,
    ) -> Result<Found> {
        let nothing = Found { ids: vec![], next: None };
        let Some(actor) = self.subject(subject).await? else { return Ok(nothing) };
        if self.asker.catalogue().named(type_name).is_none() {
            return Ok(nothing);
        }
        let verb = verb(action, type_name);
        let filter = Filter::all([
            actor.rule(&self.op, verb, type_name).rows.clone(),
            self.asker.rule(&self.op, Verb::Read.as_str(), type_name).rows.clone(),
        ]);
        let rows = self.page(type_name, &filter, after, limit).await?;
        Ok(found(rows.into_iter().map(|row| row.id).collect(), limit))
    }

    /// The users or clients who may do the action to the resource. Each page looks at as many principals as it may have
    /// results, so it may have fewer and still not be the last.
    pub async fn subjects(
        &self,
        type_name: &str,
        action: &str,
        resource: &Named,
        after: Option<ResourceId>,
        limit: u32,
    ) -> Result<Found> {
        if !matches!(type_name, "user" | "client") {
            return Err(Error::invalid("bad_question", "A subject is of the type `user` or `client`."));
        }
        // Whoever may ask about themselves alone finds themselves alone.
        let filter = match self.others {
            true => self.asker.rule(&self.op, Verb::Read.as_str(), type_name).rows.clone(),
            false => is(self.op.principal.id),
        };
        let candidates = self.page(type_name, &filter, after, limit).await?;
        let all = found(candidates.into_iter().map(|row| row.id).collect(), limit);
        let mut ids = vec![];
        for id in all.ids {
            let subject = Named { type_name: type_name.to_owned(), id: id.to_string() };
            if self.evaluate(&subject, action, resource).await? {
                ids.push(id);
            }
        }
        Ok(Found { ids, next: all.next })
    }

    async fn page(
        &self,
        type_name: &str,
        filter: &Filter,
        after: Option<ResourceId>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let scope = Scope::Types(vec![type_name.to_owned()]);
        let selection = Selection { org: self.op.principal.org, scope: &scope, trashed: false, filter };
        let after = after.map(|id| Position { key: vec![], id: id.bytes, seq: 0 });
        let mut conn = self.core.db.scan().await?;
        let rows = list::page(&mut conn, &selection, (&Plan::ById(None), false), after.as_ref(), 0, limit + 1).await?;
        rows.iter().map(|row| serde_json::from_str(&row.document).map_err(Error::internal)).collect()
    }

    async fn subject(&self, subject: &Named) -> Result<Option<Arc<Actor>>> {
        let id = ResourceId::parse(&subject.id).filter(|id| id.prefix.type_name() == Some(subject.type_name.as_str()));
        let Some(id) = id else { return Ok(None) };
        if id == self.op.principal.id {
            return Ok(Some(self.asker.clone()));
        }
        if !self.others {
            let detail = "Only those who may read policies may ask about others than themselves.";
            return Err(Error::forbidden(detail));
        }
        let principal = Principal { id, granted: None, ..self.op.principal.clone() };
        match self.core.actor_of(&principal).await {
            Ok(actor) => Ok(Some(actor)),
            Err(error) if error.code == "bad_token" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The resource, if it is there and the caller may see it.
    async fn resource(&self, conn: &mut Conn, named: &Named) -> Result<Option<Resource>> {
        let Some(id) = ResourceId::parse(&named.id) else { return Ok(None) };
        let found = self.asker.readable(conn, &self.op, &mut Known::default(), id).await?;
        Ok(found.filter(|resource| resource.type_name == named.type_name))
    }

    async fn decide(&self, conn: &mut Conn, actor: &Actor, action: &str, resource: &Resource) -> Result<bool> {
        let verb = verb(action, &resource.type_name);
        actor.may_do(conn, &self.op, &mut Known::default(), verb, resource).await
    }
}

fn is(id: ResourceId) -> Filter {
    Filter::Compare { path: Path::Id, op: Comparison::Eq, value: Literal::Id(id) }
}

/// The verb of an action that may be written with its type: `workspace.read`.
fn verb<'a>(action: &'a str, type_name: &str) -> &'a str {
    action.strip_prefix(type_name).and_then(|rest| rest.strip_prefix('.')).unwrap_or(action)
}

/// A page of `limit`, made from one row more.
fn found(mut ids: Vec<ResourceId>, limit: u32) -> Found {
    let more = ids.len() > limit as usize;
    ids.truncate(limit as usize);
    Found { next: ids.last().copied().filter(|_| more), ids }
}
