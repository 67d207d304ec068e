//! Which events somebody wants to hear of: by kind, by resource, by a filter on the resource. Live streams and webhooks
//! share it.

mod index;

pub(crate) use index::{Handles, Index};

use admin_schema::{Comparison, Filter, Literal, Path, key};
use admin_types::{Error, Event, Resource, ResourceId, Result};

use crate::access::{Actor, Verb};
use crate::event_types::verbs;
use crate::list::read_filter;
use crate::op::Op;

/// The most kinds of one interest.
const MAX_KINDS: usize = 50;

/// Which events somebody wants.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Interest {
    /// Any of these; all if there is none.
    kinds: Vec<Kind>,
    /// Only about this resource.
    resource: Option<ResourceId>,
    /// The resource after the event, or before it when there is none after.
    filter: Filter,
}

/// A kind of event: `workspace.created`, or `workspace.*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The name of the type.
    pub type_name: String,
    /// The verb; any if absent.
    pub verb: Option<String>,
}

impl Kind {
    /// Reads `workspace.created`, or `workspace.*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Kind> {
        let is_word = |word: &str, others: &[u8]| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || others.contains(&byte))
        };
        let (type_name, verb) = text.split_once('.')?;
        let known = is_word(type_name, b"0123456789_") && (verb == "*" || is_word(verb, b"_"));
        known.then(|| Kind { type_name: type_name.to_owned(), verb: (verb != "*").then(|| verb.to_owned()) })
    }

    /// Of this kind there are events.
    fn check(&self) -> Result<()> {
        let (Some(verb), name) = (&self.verb, &self.type_name) else { return Ok(()) };
        if verbs(name).any(|known| known == verb) {
            return Ok(());
        }
        let known: Vec<_> = verbs(name).collect();
        let detail = format!("there is no event `{name}.{verb}`; of {name} there are: {}", known.join(", "));
        Err(Error::parameter("type", detail))
    }

    fn covers(&self, event: &Event) -> bool {
        let verb = event.kind.rsplit_once('.').map_or("", |(_, verb)| verb);
        self.type_name == event.resource.type_name && self.verb.as_deref().is_none_or(|wanted| wanted == verb)
    }
}

impl Interest {
    /// Reads what somebody asks for. `kinds`: none, or `*`, for all. The filter is held against the types of the kinds, and
    /// may name only fields that whoever asks is always shown.
    pub(crate) fn read(
        op: &Op,
        actor: &Actor,
        kinds: &[String],
        resource: Option<ResourceId>,
        filter: Option<&str>,
    ) -> Result<Interest> {
        if kinds.len() > MAX_KINDS {
            return Err(Error::parameter("type", format!("names more than {MAX_KINDS} kinds of events")));
        }
        let all = kinds.iter().any(|kind| kind == "*");
        let named = kinds.iter().filter(|_| !all);
        let read = |text: &String| {
            Kind::parse(text)
                .ok_or_else(|| Error::parameter("type", "must be such as `workspace.created`, `workspace.*` or `*`"))
        };
        let kinds: Vec<Kind> = named.map(read).collect::<Result<_>>()?;
        let types = kinds.iter().map(|kind| kind.type_name.clone()).collect();
        let (types, filter) = read_filter(op, actor, types, filter)?;
        for kind in &kinds {
            kind.check()?;
        }
        let kinds = match kinds.is_empty() {
            // A filter that begins with a type is about that type alone.
            true => types.into_iter().map(|type_name| Kind { type_name, verb: None }).collect(),
            false => kinds,
        };
        Ok(Interest { kinds, resource, filter })
    }

    /// Whether events of the type may be wanted.
    fn covers_type(&self, name: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.type_name == name)
    }

    /// Whether the event is wanted. `state` is [`deciding`] of it.
    pub(crate) fn wants(&self, event: &Event, state: Option<&Resource>) -> bool {
        let kind = self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.covers(event));
        let resource = self.resource.is_none_or(|id| id == event.resource.id);
        let filter = || match (&self.filter, state) {
            (Filter::True, _) => true,
            (filter, Some(state)) => filter.matches(state, &admin_schema::NoRelated),
            (_, None) => false,
        };
        kind && resource && filter()
    }

    /// For each type of which events may be wanted, and seen by whoever asks: by what an event finds them.
    pub(crate) fn handles(&self, op: &Op, actor: &Actor) -> Handles {
        let all = actor.catalogue().all().into_iter().map(|entry| &entry.definition.name);
        let covered = all.filter(|name| self.covers_type(name));
        // Whoever audits also sees what is no change, of which no row tells anything.
        let audits = actor.audits(op);
        let handle = |name: &String| {
            let rule = actor.rule(op, Verb::Read.as_str(), name);
            let rows = if rule.volatile || audits { &Filter::True } else { &rule.rows };
            (*rows != Filter::False).then(|| (name.clone(), self.handle(rows)))
        };
        covered.filter_map(handle).collect()
    }

    /// A value that the resource must have for the event to be wanted, if one is known: by it an event finds who wants it
    /// without a look at the others. `rows` is what else must hold.
    fn handle(&self, rows: &Filter) -> Option<(Path, Vec<u8>)> {
        if let Some(id) = self.resource {
            return Some((Path::Id, key::encode(&Literal::Id(id).to_value())?));
        }
        let both = Filter::all([self.filter.clone(), rows.clone()]);
        let parts = match &both {
            Filter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let equality = |part: &Filter| match part {
            Filter::Compare { path, op: Comparison::Eq, value } if value_at_is_known(path) => {
                Some((path.clone(), key::encode(&value.to_value())?))
            }
            _ => None,
        };
        // A status tells few apart, so it comes last.
        let handles: Vec<_> = parts.iter().filter_map(equality).collect();
        handles.iter().find(|(path, _)| *path != Path::Status).or(handles.first()).cloned()
    }
}

fn value_at_is_known(path: &Path) -> bool {
    matches!(path, Path::Id | Path::Name | Path::Status | Path::Parent | Path::Attribute(_) | Path::Label(_))
}

/// The state that decides whether somebody hears of an event: the one after, or the one before when there is none after.
pub(crate) fn deciding(event: &Event) -> Result<Option<Resource>> {
    let state = event.after.as_ref().or(event.before.as_ref());
    state.map(|state| serde_json::from_str(state.get()).map_err(Error::internal)).transpose()
}
