//! Stories of the product and tests of the kit: one file per noun.

mod postgres;
