//! `wire9 verify --repair`: its options, and what it says.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::super::{errors, units};
use crate::lane::chain;
use crate::ledger::Changes;
use crate::runs::verify::{Found, Repaired, Repairing};
use crate::verify;

/// What is done about differences.
#[derive(Debug, Args)]
pub(super) struct RepairArguments {
    /// Make the tables that differ equal to the source as it is now, row by row; implies --both
    /// [default: only tell].
    #[arg(long, conflicts_with_all = ["sample", "level"], help_heading = "Repair")]
    repair: bool,

    /// With --repair: say what would be changed, and write nothing [default: repair].
    #[arg(long, requires = "repair", help_heading = "Repair")]
    dry_run: bool,

    /// With --repair: repair although triggers of the tables fire [default: refuse].
    #[arg(long, requires = "repair", help_heading = "Repair")]
    allow_triggers: bool,
}

impl RepairArguments {
    /// As meant.
    pub(super) fn asked(&self) -> Option<Repairing> {
        self.repair.then_some(Repairing {
            dry_run: self.dry_run,
            allow_triggers: self.allow_triggers,
        })
    }
}

/// Whether something was repaired.
pub(super) fn any(found: &Found) -> bool {
    let tables = found.tables.iter();
    let repaired = tables.filter_map(|t| t.repaired.as_ref()?.changed);
    repaired.into_iter().any(|changes| !changes.is_empty())
}

/// What is said after the line of a table.
pub(super) fn text(repaired: Option<&Repaired>) -> String {
    let mut text = String::new();
    let Some(repaired) = repaired else {
        return text;
    };
    let _ = match repaired.changed {
        None => writeln!(
            text,
            "    a repair would change: {}",
            words(repaired.planned)
        ),
        Some(changes) => writeln!(text, "    repaired: {}", words(changes)),
    };
    if let Some(error) = &repaired.refused {
        let _ = writeln!(
            text,
            "    NOT REPAIRED: {}{}",
            errors::clean(&chain(error)),
            remedy(error)
        );
    }
    text
}

fn remedy(error: &verify::Error) -> &'static str {
    match error {
        verify::Error::Refused { .. } => {
            "; drop the constraint that stands in the way until the repair is done"
        }
        verify::Error::Moved(_) => "; stop who writes there, and repair once more",
        _ => "",
    }
}

fn words(changes: Changes) -> String {
    format!(
        "{} deleted, {} inserted, {} replaced",
        units::counted(changes.deleted, "row"),
        units::count(changes.inserted),
        units::count(changes.replaced)
    )
}

/// The same for programs.
pub(super) fn json(repaired: Option<&Repaired>) -> Value {
    let Some(repaired) = repaired else {
        return Value::Null;
    };
    json!({
        "planned": numbers(repaired.planned),
        "changed": repaired.changed.map(numbers),
        "refused": repaired.refused.as_ref().map(|error| errors::clean(&chain(error))),
    })
}

fn numbers(changes: Changes) -> Value {
    json!({
        "rows_deleted": changes.deleted,
        "rows_inserted": changes.inserted,
        "rows_replaced": changes.replaced,
    })
}
