//! The catalogue of events: which there are in an org, as its types say. Whoever lists or describes them begins here.

use admin_types::action;

use crate::catalogue::Catalogue;

/// A type of event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventType {
    /// `<type>.<verb>`.
    pub kind: String,
    /// The name of the type whose resources it is about.
    pub type_name: String,
    /// What it says, in a sentence.
    pub summary: String,
    /// Whether the resource was there before.
    pub before: bool,
    /// Whether the resource is there after, if only in the trash.
    pub after: bool,
}

/// Every type of event that there is in an org, by the name of its type and then in the order of a resource's life.
#[must_use]
pub fn event_types(catalogue: &Catalogue) -> Vec<EventType> {
    let names = catalogue.all().into_iter().map(|entry| entry.definition.name.as_str());
    names.flat_map(|name| verbs(name).map(move |verb| event_type(name, verb))).collect()
}

/// The verbs of a type's events: those that all have, and those of a few alone.
pub(crate) fn verbs(name: &str) -> impl Iterator<Item = &'static str> + use<> {
    use action::{
        DISABLED, INVITED, KEY_CREATED, KEY_DELETED, KEY_ROTATED, LOG_HELD, LOG_RELEASED, SECRET_CREATED,
        SECRET_DELETED, SECURITY_CHANGED, SIGN_IN_FAILED, SIGNED_IN, SIGNED_OUT,
    };
    let own: &[&str] = match name {
        "webhook" => &[DISABLED, SECRET_CREATED, SECRET_DELETED],
        "user" => &[
            INVITED,
            SIGNED_IN,
            SIGN_IN_FAILED,
            SIGNED_OUT,
            SECURITY_CHANGED,
            KEY_CREATED,
            KEY_ROTATED,
            KEY_DELETED,
            LOG_HELD,
            LOG_RELEASED,
        ],
        "client" => &[
            SIGN_IN_FAILED,
            SECRET_CREATED,
            SECRET_DELETED,
            KEY_CREATED,
            KEY_ROTATED,
            KEY_DELETED,
            LOG_HELD,
            LOG_RELEASED,
        ],
        _ => &[],
    };
    action::ALL.into_iter().chain([action::DENIED]).chain(own.iter().copied())
}

/// Whether the verb is no change of a resource.
fn is_occurrence(verb: &str) -> bool {
    use action::{DENIED, LOG_HELD, LOG_RELEASED, SECURITY_CHANGED, SIGN_IN_FAILED, SIGNED_IN, SIGNED_OUT};
    [DENIED, SIGNED_IN, SIGN_IN_FAILED, SIGNED_OUT, SECURITY_CHANGED, LOG_HELD, LOG_RELEASED].contains(&verb)
}

fn event_type(name: &str, verb: &str) -> EventType {
    let said = match verb {
        action::DENIED => {
            return of(name, verb, format!("Somebody was refused what they asked for, about the type `{name}`."));
        }
        action::SIGNED_IN => return of(name, verb, "A person began a session.".to_owned()),
        action::SIGN_IN_FAILED => {
            return of(name, verb, format!("Somebody tried to sign in as a {name}, and failed."));
        }
        action::SIGNED_OUT => return of(name, verb, "A person ended a session.".to_owned()),
        action::SECURITY_CHANGED => return of(name, verb, "How a person signs in was changed.".to_owned()),
        action::LOG_HELD => return of(name, verb, "The audit log was put under a legal hold.".to_owned()),
        action::LOG_RELEASED => return of(name, verb, "The legal hold of the audit log was ended.".to_owned()),
        action::INVITED => "was invited",
        action::SECRET_CREATED => "got another secret",
        action::SECRET_DELETED => "has a secret less",
        action::KEY_CREATED => "got an API key",
        action::KEY_ROTATED => "got an API key in the place of another",
        action::KEY_DELETED => "has an API key less",
        action::CREATED => "came to be",
        action::DELETED => "was moved to the trash",
        action::RESTORED => "was taken out of the trash",
        action::PURGED => "was removed for good",
        action::DISABLED => "was disabled by Admin, since nothing arrived there any more",
        _ => "was changed",
    };
    of(name, verb, format!("A resource of the type `{name}` {said}."))
}

fn of(name: &str, verb: &str, summary: String) -> EventType {
    let change = !is_occurrence(verb);
    EventType {
        kind: format!("{name}.{verb}"),
        type_name: name.to_owned(),
        summary,
        before: change && verb != action::CREATED,
        after: change && verb != action::PURGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_there_is_before_and_after() {
        assert!(verbs("webhook").any(|verb| verb == "disabled") && !verbs("user").any(|verb| verb == "disabled"));
        let states = action::ALL.map(|verb| {
            let event = event_type("workspace", verb);
            assert_eq!((event.kind, event.type_name), (format!("workspace.{verb}"), "workspace".to_owned()));
            (event.before, event.after)
        });
        let denied = event_type("workspace", action::DENIED);
        assert!(!denied.before && !denied.after);
        assert_eq!(states, [(false, true), (true, true), (true, true), (true, true), (true, false)]);
    }
}
