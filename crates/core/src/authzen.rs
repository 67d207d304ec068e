//! What other programs ask: whether a subject may do something to a resource, and who, what and how (AuthZEN
//! Authorization API 1.0).

mod walk;

use std::sync::Arc;

use admin_db::Conn;
use admin_db::list::{self, Plan, Position, Scope, Selection};
use admin_schema::{Comparison, Filter, Literal, Path};
use admin_types::{Error, Principal, Resource, ResourceId, Result};

use crate::Core;
use crate::access::{Actor, Known, Verb};
use crate::op::Op;

pub use self::walk::{Found, Walk};

/// The most users or clients that one page of a search looks at: where few of many may do something, pages are short, and
/// may be empty, before the end.
const MAX_LOOKED_AT: u32 = 1000;
/// Those read at once.
const BATCH: u32 = 200;

/// A subject or a resource, as a program names it: a type and an id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The name of its type.
    pub type_name: String,
    /// Its id; one that is none names nothing.
    pub id: String,
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
            Some(resource) => self.decide(&mut conn, &actor, action, &resource, &mut Known::default()).await,
            None => Ok(false),
        }
    }

    /// The page of a search, which only `token` leads on from. `question` is all that must stay the same.
    pub fn walk(&self, question: &str, token: Option<&str>, limit: Option<u64>) -> Result<Walk> {
        Walk::read(&self.op.principal, question, token, limit)
    }

    /// The actions of the resource's type that the subject may do to it.
    pub async fn actions(&self, subject: &Named, resource: &Named, walk: &Walk) -> Result<Found<String>> {
        let mut allowed = vec![];
        if let Some(actor) = self.subject(subject).await? {
            let mut conn = self.core.db.read().await?;
            if let Some(resource) = self.resource(&mut conn, resource).await? {
                let own =
                    self.asker.catalogue().named(&resource.type_name).map(|entry| entry.definition.actions.clone());
                let verbs = ["read", "create", "update", "delete"].map(str::to_owned).into_iter();
                for (at, verb) in (1_u128..).zip(verbs.chain(own.unwrap_or_default())) {
                    let later = at.to_be_bytes() > walk.after;
                    if later && self.decide(&mut conn, &actor, &verb, &resource, &mut Known::default()).await? {
                        allowed.push((at.to_be_bytes(), verb));
                    }
                }
            }
        }
        Ok(walk.page(allowed, None))
    }

    /// The resources of a type to which the subject may do the action.
    pub async fn resources(
        &self,
        subject: &Named,
        action: &str,
        type_name: &str,
        walk: &Walk,
    ) -> Result<Found<ResourceId>> {
        let actor = self.subject(subject).await?;
        let (Some(actor), Some(_)) = (actor, self.asker.catalogue().named(type_name)) else {
            return Ok(walk.page(vec![], None));
        };
        let verb = verb(action, type_name);
        let filter = Filter::all([
            actor.rule(&self.op, verb, type_name).rows.clone(),
            self.asker.rule(&self.op, Verb::Read.as_str(), type_name).rows.clone(),
        ]);
        let ids = self.ids(type_name, &filter, walk.after, walk.limit + 1).await?;
        Ok(walk.page(ids.into_iter().map(|id| (id.bytes, id)).collect(), None))
    }

    /// The users or clients who may do the action to the resource; nothing else may do anything. At most
    /// [`MAX_LOOKED_AT`] are asked about for one page.
    pub async fn subjects(
        &self,
        type_name: &str,
        action: &str,
        resource: &Named,
        walk: &Walk,
    ) -> Result<Found<ResourceId>> {
        let target = self.resource(&mut *self.core.db.read().await?, resource).await?;
        let Some(resource) = target.filter(|_| matches!(type_name, "user" | "client")) else {
            return Ok(walk.page(vec![], None));
        };
        // Whoever may ask about themselves alone finds themselves alone.
        let filter = match self.others {
            true => self.asker.rule(&self.op, Verb::Read.as_str(), type_name).rows.clone(),
            false => is(self.op.principal.id),
        };
        let (mut found, mut known) = (vec![], Known::default());
        let (mut after, mut looked_at) = (walk.after, 0);
        loop {
            let candidates = self.ids(type_name, &filter, after, BATCH).await?;
            let last = candidates.len() < BATCH as usize;
            for id in candidates {
                (after, looked_at) = (id.bytes, looked_at + 1);
                let Some(actor) = self.actor(id).await? else { continue };
                let mut conn = self.core.db.read().await?;
                if self.decide(&mut conn, &actor, action, &resource, &mut known).await? {
                    found.push((id.bytes, id));
                    if found.len() > walk.limit as usize {
                        return Ok(walk.page(found, None));
                    }
                }
            }
            if last || looked_at >= MAX_LOOKED_AT {
                return Ok(walk.page(found, (!last).then_some(after)));
            }
        }
    }

    /// Ids of a type's resources, in their order.
    async fn ids(&self, type_name: &str, filter: &Filter, after: [u8; 16], limit: u32) -> Result<Vec<ResourceId>> {
        let scope = Scope::Types(vec![type_name.to_owned()]);
        let selection = Selection { org: self.op.principal.org, scope: &scope, trashed: false, filter };
        let after = Position { key: vec![], id: after, seq: 0 };
        let mut conn = self.core.db.scan().await?;
        let rows = list::page(&mut conn, &selection, (&Plan::ById(None), false), Some(&after), 0, limit).await?;
        rows.iter()
            .map(|row| {
                let resource: Resource = serde_json::from_str(&row.document).map_err(Error::internal)?;
                Ok(resource.id)
            })
            .collect()
    }

    async fn subject(&self, subject: &Named) -> Result<Option<Arc<Actor>>> {
        let id = ResourceId::parse(&subject.id).filter(|id| id.prefix.type_name() == Some(subject.type_name.as_str()));
        match id {
            Some(id) => self.actor(id).await,
            None => Ok(None),
        }
    }

    /// Whether the caller may see a user or client, if it is there.
    async fn sees(&self, id: ResourceId) -> Result<bool> {
        let type_name = id.prefix.type_name().unwrap_or_default();
        if self.asker.rule(&self.op, Verb::Read.as_str(), type_name).rows == Filter::True {
            return Ok(true);
        }
        let mut conn = self.core.db.read().await?;
        Ok(self.asker.readable(&mut conn, &self.op, &mut Known::default(), id).await?.is_some())
    }

    /// A user or client, if it is there and active.
    async fn actor(&self, id: ResourceId) -> Result<Option<Arc<Actor>>> {
        if id == self.op.principal.id {
            return Ok(Some(self.asker.clone()));
        }
        if !self.others {
            let detail = "Only those who may read policies may ask about others than themselves.";
            return Err(Error::forbidden(detail));
        }
        if !self.sees(id).await? {
            return Ok(None);
        }
        let principal = Principal::new(self.op.principal.org, id);
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

    async fn decide(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        action: &str,
        resource: &Resource,
        known: &mut Known,
    ) -> Result<bool> {
        actor.may_do(conn, &self.op, known, verb(action, &resource.type_name), resource).await
    }
}

fn is(id: ResourceId) -> Filter {
    Filter::Compare { path: Path::Id, op: Comparison::Eq, value: Literal::Id(id) }
}

/// The verb of an action that may be written with its type: `workspace.read`.
fn verb<'a>(action: &'a str, type_name: &str) -> &'a str {
    action.strip_prefix(type_name).and_then(|rest| rest.strip_prefix('.')).unwrap_or(action)
}
