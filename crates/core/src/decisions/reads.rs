//! Allowed reads are recorded: each of a sensitive type, and of all others a share. Where neither is asked for, a read
//! looks at two flags and goes on.

use admin_db::decisions::DecisionRow;
use admin_db::list::Scope;
use admin_types::{DecisionId, Random, ResourceId};

use crate::Inner;
use crate::access::{Actor, Verb};
use crate::op::Op;

/// What a list is of that names no type, or several: policies call the reading of every type so, too.
const EVERY_TYPE: &str = "resource";

/// Which share of reads is recorded, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sample(f64);

impl std::str::FromStr for Sample {
    type Err = ();

    fn from_str(text: &str) -> Result<Sample, ()> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Sample).ok_or(())
    }
}

impl Sample {
    fn is_off(self) -> bool {
        self.0 <= 0.0
    }

    /// Whether this one is recorded.
    fn takes(self, random: &dyn Random) -> bool {
        !self.is_off() && draw(random) < self.0
    }
}

/// A number from 0, to below 1.
fn draw(random: &dyn Random) -> f64 {
    const BITS: u32 = f64::MANTISSA_DIGITS;
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

/// Resources of sensitive types that were shown beside others: type and id.
pub(crate) type Expanded = Vec<(String, ResourceId)>;

impl Inner {
    /// Records that a resource was read, if that is to be recorded.
    pub(crate) async fn record_read(&self, op: &Op, type_name: &str, id: ResourceId, sensitive: bool) {
        if sensitive {
            self.decisions.wait(op.principal.org, self.allowed(op, type_name, Some(id))).await;
        } else if self.decisions.sample.takes(&*self.random) {
            self.decisions.offer(op.principal.org, self.allowed(op, type_name, Some(id)));
        }
    }

    /// Records that a list or an export was made, if that is to be recorded: for each sensitive type that it may hold, or
    /// once.
    pub(crate) async fn record_list(&self, op: &Op, actor: &Actor, scope: &Scope) {
        let (sensitive, sample) = (actor.catalogue().sensitive(), self.decisions.sample);
        if sensitive.is_empty() && sample.is_off() {
            return;
        }
        let is_of = |name: &String| match scope {
            Scope::Own => true,
            Scope::Types(types) => types.contains(name),
        };
        let mut recorded = false;
        for name in sensitive.iter().filter(|name| is_of(name) && !actor.may_never(op, Verb::Read, name)) {
            self.decisions.wait(op.principal.org, self.allowed(op, name, None)).await;
            recorded = true;
        }
        if !recorded && sample.takes(&*self.random) {
            let name = match scope {
                Scope::Types(types) if types.len() == 1 => &types[0],
                _ => EVERY_TYPE,
            };
            self.decisions.offer(op.principal.org, self.allowed(op, name, None));
        }
    }

    /// Records what was shown beside others.
    pub(crate) async fn record_expanded(&self, op: &Op, expanded: Expanded) {
        for (type_name, id) in expanded {
            self.decisions.wait(op.principal.org, self.allowed(op, &type_name, Some(id))).await;
        }
    }

    fn allowed(&self, op: &Op, type_name: &str, resource: Option<ResourceId>) -> DecisionRow {
        let now = self.clock.now();
        DecisionRow {
            id: DecisionId::new(now, &*self.random),
            at: now,
            principal: op.principal.actor(),
            action: format!("{type_name}.{}", Verb::Read.as_str()),
            resource_type: type_name.to_owned(),
            resource,
            allowed: true,
            request_id: op.request_id.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Always the same bytes.
    struct Fixed(u64);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
    }

    #[test]
    fn a_share_is_taken_as_the_given_randomness_falls() {
        let sample = |text: &str| text.parse::<Sample>().expect("a share");
        for (share, random, takes) in [
            ("0", 0, false),
            ("1", u64::MAX, true),
            ("0.25", u64::MAX / 4 - 4096, true),
            ("0.25", u64::MAX / 4 + 4096, false),
            ("1e-9", 0, true),
            ("1e-9", 1 << 40, false),
        ] {
            assert_eq!(sample(share).takes(&Fixed(random)), takes, "{share} {random}");
        }
        for wrong in ["", "-0.1", "1.1", "NaN", "inf", "half", "50%"] {
            assert!(wrong.parse::<Sample>().is_err(), "{wrong}");
        }
    }
}
