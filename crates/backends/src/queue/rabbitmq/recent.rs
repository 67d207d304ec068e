//! The events that this process has handled of late, so that what is published twice is not handled twice.

use std::collections::{HashSet, VecDeque};

use admin_types::EventId;

/// How many are remembered.
const MOST: usize = 2048;

/// The ids of the events that were handled last.
#[derive(Default)]
pub(super) struct Recent {
    known: HashSet<EventId>,
    order: VecDeque<EventId>,
}

impl Recent {
    pub(super) fn contains(&self, id: EventId) -> bool {
        self.known.contains(&id)
    }

    pub(super) fn add(&mut self, id: EventId) {
        if self.known.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let id = |number: usize| EventId((number as u128).to_be_bytes());
        let mut recent = Recent::default();
        for number in (0..MOST + 10).chain(MOST..MOST + 10) {
            recent.add(id(number));
        }
        assert!(!recent.contains(id(9)) && recent.contains(id(10)) && recent.contains(id(MOST + 9)));
        assert_eq!((recent.known.len(), recent.order.len()), (MOST, MOST));
    }
}
