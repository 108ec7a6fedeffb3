//! How a source is looked at and converted, as typed, for every command that has findings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::endpoints::EndpointArguments;
use super::findings::{AcceptArguments, accepted};
use crate::catalog::database::Database;
use crate::runs::check::{DumpSettings, Settings};
use crate::runs::{Error, Exit};
use crate::schema::convert::Wishes;
use crate::schema::mapping::Mapping;
use crate::wire::Environment;

#[derive(Debug, Args)]
pub(super) struct AssessmentArguments {
    /// Take a source other than PostgreSQL 13 to 18 all the same [default: refuse it].
    #[arg(long, help_heading = "Endpoints")]
    unsupported_source: bool,

    /// File (TOML) with other names and types than the default ones [default: none].
    #[arg(long, value_name = "FILE", help_heading = "What is converted")]
    map: Option<PathBuf>,

    /// Keep COMMENTs where the target takes them [default: they are left out].
    #[arg(long, help_heading = "What is converted")]
    comments: bool,

    /// Make plain tables of foreign tables, with their rows [default: they are left out].
    #[arg(long, help_heading = "What is converted")]
    foreign_tables: bool,

    #[command(flatten)]
    accept: AcceptArguments,
}

impl AssessmentArguments {
    /// How a source is looked at.
    pub(super) fn settings(
        &self,
        endpoints: &EndpointArguments,
        environment: &Environment,
    ) -> Result<Settings, Error> {
        Ok(Settings {
            wishes: self.wishes(),
            unsupported_source: self.unsupported_source,
            accepted: accepted(&self.accept)?,
            ..settings(endpoints, self.map.as_deref(), environment)?
        })
    }

    /// How a dump is looked at.
    pub(super) fn of_dump(
        &self,
        database: Database,
        endpoints: &EndpointArguments,
        environment: &Environment,
    ) -> Result<DumpSettings, Error> {
        Ok(DumpSettings {
            database,
            target: endpoints.target_if_any(environment)?,
            profile: endpoints.profile()?,
            mapping: mapping(self.map.as_deref())?,
            wishes: self.wishes(),
            accepted: accepted(&self.accept)?,
            io_timeout: endpoints.io_timeout(),
        })
    }

    fn wishes(&self) -> Wishes {
        Wishes {
            comments: self.comments,
            foreign_tables: self.foreign_tables,
        }
    }
}

/// How a source is looked at where nothing else was said: its catalog alone, for one lane.
pub(super) fn settings(
    endpoints: &EndpointArguments,
    map: Option<&Path>,
    environment: &Environment,
) -> Result<Settings, Error> {
    Ok(Settings {
        source: endpoints.source(environment)?,
        target: endpoints.target_if_any(environment)?,
        profile: endpoints.profile()?,
        mapping: mapping(map)?,
        wishes: Wishes::default(),
        deep: false,
        jobs: 1,
        unsupported_source: false,
        accepted: BTreeSet::new(),
        io_timeout: endpoints.io_timeout(),
    })
}

/// What the file of `--map` says; nothing where there is none.
fn mapping(path: Option<&Path>) -> Result<Mapping, Error> {
    let Some(path) = path else {
        return Ok(Mapping::default());
    };
    let usage = |what: &str| Error::new(Exit::Usage, format!("--map {} {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| {
        usage("can not be read")
            .because(e)
            .advise("give a TOML file with [schemas], [tables], [types] or [columns]")
    })?;
    Mapping::from_toml(&text).map_err(|e| {
        let what = match e.line {
            Some(line) => format!("can not be used: line {line}"),
            None => "can not be used".to_owned(),
        };
        usage(&what)
            .because(e)
            .advise("mend that line of the file, or take it out; names are written as in SQL")
    })
}
