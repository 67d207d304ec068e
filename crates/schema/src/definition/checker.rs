//! The validator of a schema, within bounds: what it may take, and how many violations it may list.

use admin_types::FieldError;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::outline::Outline;
use super::patterns::{Costs, MAX_COMPILED};
use super::violations::{self, MAX_VIOLATIONS};
use super::work::{Effort, Extent, Work};

/// The most bytes that the names on the way to one value may have together.
const MAX_PATH: u64 = 4096;

/// Checks documents against one schema.
#[derive(Clone, Debug)]
pub(super) struct Checker {
    validator: Validator,
    work: Work,
}

impl Checker {
    /// Compiles a schema whose bounds are checked. Errors: what breaks the meta-schema, with pointers from the schema's
    /// root.
    pub(super) fn new(schema: &Value, outline: &Outline<'_>, costs: &Costs<'_>) -> Result<Checker, Vec<FieldError>> {
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_COMPILED))
            .build(schema);
        match built {
            Ok(validator) => Ok(Checker { validator, work: Work::new(outline, costs) }),
            Err(error) => {
                let all = jsonschema::draft202012::meta::validator();
                let mut errors = violations::describe(all.iter_errors(schema), "", None);
                if errors.is_empty() {
                    errors = violations::describe(std::iter::once(error), "", None);
                }
                Err(errors)
            }
        }
    }

    /// What breaks `schema` in `document`, at most [`MAX_VIOLATIONS`], with pointers below `base`.
    pub(super) fn check(&self, document: &Value, schema: &Value, base: &str) -> Vec<FieldError> {
        let extent = Extent::of(document);
        if extent.path > MAX_PATH {
            let detail = "the names of properties on the way to one value have more than 4,096 bytes together";
            return vec![FieldError::new(base, detail)];
        }
        let effort = self.work.effort(document, extent);
        if effort == Effort::TooMuch {
            let detail = "are too large to be checked against the type's schema within the time allowed; \
                          shorten texts and arrays";
            return vec![FieldError::new(base, detail)];
        }
        if self.validator.is_valid(document) {
            return vec![];
        }
        let errors = match effort {
            Effort::Small => violations::describe(self.validator.iter_errors(document), base, Some(schema)),
            Effort::Large => {
                violations::describe(self.validator.validate(document).err().into_iter(), base, Some(schema))
            }
            Effort::Huge | Effort::TooMuch => vec![],
        };
        if errors.is_empty() {
            let detail = "break the type's schema, and are too large for the places to be listed";
            return vec![FieldError::new(base, detail)];
        }
        debug_assert!(errors.len() <= MAX_VIOLATIONS);
        errors
    }
}
