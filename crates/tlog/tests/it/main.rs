//! The log held against its standards, against implementations that nobody here wrote, and against hostile input.

mod hostile;
mod log;
mod peers;
mod receipts;
mod tree;
mod witness;
mod world;
