//! What a server tells of its tables, read into `catalog`.
//!
//! `source` asks a PostgreSQL for everything in two statements, however many tables there are.
//! `target` asks a server whose catalogs may be partial in small statements, and notes what it does
//! not tell. All names are qualified: they mean the same under any `search_path`.

mod answer;
mod columns;
mod database;
mod relations;
mod sample;
mod sizes;
mod source;
mod state;
mod target;
mod types;

pub use database::{database, positions};
pub use sample::{sample_keys, sample_keys_bytewise};
pub use sizes::{Size, sizes};
pub use source::source;
pub use state::{server_state, session_holds, target_state};
pub use target::target;
