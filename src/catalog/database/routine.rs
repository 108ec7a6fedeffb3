//! Functions, procedures and aggregates.

use super::Name;

/// What a routine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoutineKind {
    /// CREATE FUNCTION.
    Function,
    /// CREATE PROCEDURE.
    Procedure,
    /// CREATE AGGREGATE.
    Aggregate,
    /// A window function.
    Window,
}

/// A function, procedure or aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routine {
    /// pg_proc.oid.
    pub oid: u32,
    /// Its name.
    pub name: Name,
    /// `pg_get_function_identity_arguments`: with the name it tells it from its namesakes.
    pub arguments: String,
    /// What it is.
    pub kind: RoutineKind,
    /// `sql`, `plpgsql`, `c` …
    pub language: String,
    /// `pg_get_functiondef`: the whole CREATE statement; of an aggregate what says the same.
    pub definition: Option<String>,
    /// pg_proc.prosrc: the body as text; empty for an SQL-standard body (BEGIN ATOMIC).
    pub body: String,
    /// `pg_get_function_sqlbody`: the body of BEGIN ATOMIC or RETURN.
    pub sql_body: Option<String>,
    /// pg_type.oid of the result, 0 for a procedure.
    pub returns: u32,
    /// It returns `trigger`.
    pub is_trigger: bool,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// `SET` clauses: `search_path=public`.
    pub settings: Vec<String>,
    /// Name of the extension that it belongs to.
    pub extension: Option<String>,
    /// COMMENT ON it.
    pub comment: Option<String>,
}

impl Routine {
    /// `schema.name(arguments)` for people.
    pub fn signature(&self) -> String {
        format!("{}({})", self.name, self.arguments)
    }

    /// Where it looks for names without a schema: its own setting, else its schema and `public`.
    pub fn search_path(&self) -> Vec<String> {
        let mut settings = self.settings.iter();
        match settings.find_map(|s| s.strip_prefix("search_path=")) {
            Some(path) => path
                .split(',')
                .map(|schema| schema.trim().trim_matches(['"', '\'']).to_owned())
                .collect(),
            None => vec![self.name.schema.clone(), "public".to_owned()],
        }
    }
}
