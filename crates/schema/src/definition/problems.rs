//! What is wrong with a type, so far.

use admin_types::FieldError;

use super::violations::MAX_VIOLATIONS;

/// The first [`MAX_VIOLATIONS`] mistakes, each once. Later ones are not even described: a hostile schema can hold
/// thousands, each at the end of a long path.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<FieldError>,
}

impl Problems {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds a mistake at the place that `pointer` finds.
    pub(super) fn add(&mut self, pointer: impl FnOnce() -> String, detail: impl Into<String>) {
        if self.found.len() < MAX_VIOLATIONS {
            let problem = FieldError::new(pointer(), detail);
            if !self.found.contains(&problem) {
                self.found.push(problem);
            }
        }
    }

    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.found
    }
}
