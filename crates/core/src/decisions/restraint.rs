//! How many refusals of one principal become events: whoever asks for what is refused, again and again, must not fill the log.

use std::collections::HashMap;

use admin_types::{OrgId, Timestamp};

use crate::occurrence::Occurrence;

/// Refusals of one principal that are events by themselves, in each window.
const EACH: u32 = 60;
/// A window, in seconds.
const WINDOW: i64 = 60;

/// Who was refused how often of late.
#[derive(Default)]
pub(super) struct Restraint {
    windows: HashMap<(OrgId, [u8; 16]), Window>,
}

struct Window {
    until: Timestamp,
    count: u32,
    /// The last one that became no event, and how many did not.
    last: Option<(Occurrence, u32)>,
}

impl Restraint {
    /// Whether a refusal becomes an event by itself; otherwise it is counted.
    pub(super) fn admits(&mut self, org: OrgId, occurrence: &Occurrence) -> bool {
        let until = occurrence.at.plus_seconds(WINDOW);
        let new = || Window { until, count: 0, last: None };
        let window = self.windows.entry((org, occurrence.actor.id.bytes)).or_insert_with(new);
        window.count += 1;
        if window.count <= EACH {
            return true;
        }
        let more = window.last.as_ref().map_or(0, |(_, more)| *more);
        window.last = Some((occurrence.clone(), more + 1));
        false
    }

    /// Of each window that has ended, the last refusal that was only counted, with the count of these.
    pub(super) fn ended(&mut self, now: Option<Timestamp>) -> Vec<(OrgId, Occurrence)> {
        let mut told = vec![];
        self.windows.retain(|(org, _), window| {
            let open = now.is_some_and(|now| now < window.until);
            if !open && let Some((mut last, more)) = window.last.take() {
                if let Some(serde_json::Value::Object(details)) = &mut last.details {
                    details.insert("repeated".to_owned(), more.into());
                }
                told.push((*org, last));
            }
            open
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use admin_types::{Actor, Outcome, RequestId, ResourceId};
    use serde_json::json;

    use super::*;

    fn refusal(at: i64) -> Occurrence {
        let id = ResourceId::of_row("user", [1; 16]);
        Occurrence {
            at: Timestamp(at),
            verb: "denied".into(),
            actor: Actor { kind: "user".into(), id, via: None },
            address: None,
            type_name: "thing".to_owned(),
            resource: crate::occurrence::nothing("thing"),
            outcome: Some(Outcome::Denied),
            details: Some(json!({"action": "thing.update"})),
            request_id: RequestId::accept("req").expect("sane"),
        }
    }

    #[test]
    fn many_refusals_become_few_events_and_none_is_forgotten() {
        let (mut restraint, org) = (Restraint::default(), OrgId([1; 16]));
        let admitted = (0..1_000).filter(|at| restraint.admits(org, &refusal(*at))).count();
        assert_eq!(admitted, 60);
        assert!(restraint.admits(OrgId([2; 16]), &refusal(0)), "another org's are counted by themselves");
        assert!(restraint.ended(Some(Timestamp(59_000_000))).is_empty());
        let told = restraint.ended(Some(Timestamp(60_000_000)));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.details, Some(json!({"action": "thing.update", "repeated": 940})));
        assert!(restraint.windows.is_empty() && restraint.admits(org, &refusal(70_000_000)));
    }
}
