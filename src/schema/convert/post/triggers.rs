//! Triggers, after everything that they call.

use crate::catalog::database::{Class, Name, Object, Relation, Trigger};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::finding::{Kind, Severity};

use super::stance::{NOT_DOCUMENTED, Stance};
use super::text::without;
use super::{Changes, Left, Made, Post};

/// ALTER TABLE … DISABLE TRIGGER, ENABLE REPLICA TRIGGER.
pub(super) static DISABLED: Kind = Kind {
    id: "disabled-trigger",
    severity: Severity::Note,
    title: "trigger that does not fire",
    happens: "it is left out, as it does nothing in the source",
    why: "it is disabled there, or fires on replicas only",
    remedy: "nothing, unless it is enabled from time to time",
};

/// Row-level triggers at all.
pub(super) static REFUSED: Kind = Kind {
    id: "trigger-refused",
    severity: Severity::Loss,
    title: "trigger",
    happens: "it is left out: what it did is not done",
    why: "the target does not take triggers FOR EACH ROW",
    remedy: "do it in the application",
};

/// FOR EACH STATEMENT.
pub(super) static STATEMENT: Kind = Kind {
    id: "statement-trigger",
    severity: Severity::Loss,
    title: "statement-level trigger",
    happens: "it is left out: what it did is not done",
    why: "the target does not take triggers FOR EACH STATEMENT",
    remedy: "write it FOR EACH ROW, or do it in the application",
};

/// CREATE CONSTRAINT TRIGGER … DEFERRABLE.
pub(super) static CONSTRAINT: Kind = Kind {
    id: "constraint-trigger",
    severity: Severity::Loss,
    title: "deferrable constraint trigger",
    happens: "it is left out: fired at once it would see half of the transaction",
    why: "DEFERRABLE is not documented for DB9",
    remedy: "check it in the application, before COMMIT",
};

/// CREATE CONSTRAINT TRIGGER that is not deferrable.
pub(super) static CONSTRAINT_PLAIN: Kind = Kind {
    id: "constraint-trigger-as-plain",
    severity: Severity::Change,
    title: "constraint trigger that is not deferrable",
    happens: "a plain AFTER trigger is made, which fires at the same moment",
    why: "constraint triggers are not documented for DB9",
    remedy: "nothing",
};

/// A trigger of one partition or child.
pub(super) static PARTITION: Kind = Kind {
    id: "partition-trigger",
    severity: Severity::Loss,
    title: "trigger of some partitions only",
    happens: "it is left out: on the table above it would fire for other rows, too",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "create it on the table with a WHEN that tells these rows",
};

/// A trigger whose function is not there.
pub(super) static NEEDS_MISSING: Kind = Kind {
    id: "trigger-needs-missing",
    severity: Severity::Loss,
    title: "trigger whose function is left out",
    happens: "it is left out, too: what it did is not done",
    why: "its function is not in the target",
    remedy: "write the function without what the target does not have, and create both",
};

impl<'a> Post<'_, 'a> {
    /// The triggers of a table or view.
    pub(super) fn triggers(&mut self, relation: &'a Relation) {
        let Some(table) = self.trigger_table(relation) else {
            return;
        };
        let mut triggers: Vec<&Trigger> = relation.triggers.iter().collect();
        triggers.sort_by(|a, b| a.name.cmp(&b.name));
        for trigger in triggers {
            if trigger.inherited || trigger.extension.is_some() {
                continue;
            }
            if let Err(left) = self.trigger(relation, &table, trigger) {
                let readable = label(&relation.name, trigger);
                self.leave(object(trigger), &readable, left);
            }
        }
    }

    /// The target's table or view; `None` where there is none.
    fn trigger_table(&self, relation: &Relation) -> Option<Name> {
        if relation.is_view() {
            let object = Object::new(Class::Relation, relation.oid);
            let made = self.build.made(object)?;
            return Some(self.build.conversion.statements[made].name.clone());
        }
        self.homes.of(relation.oid).map(|home| home.name.clone())
    }

    fn trigger(
        &mut self,
        relation: &Relation,
        table: &Name,
        trigger: &Trigger,
    ) -> Result<(), Left> {
        match trigger.enabled {
            'D' => return Err(Left::new(&DISABLED, "disabled")),
            'R' => return Err(Left::new(&DISABLED, "fires on replicas only")),
            _ => {}
        }
        if self.homes.is_part(relation.oid) {
            return Err(Left::new(&PARTITION, format!("the rows are in {table}")));
        }
        let mut changes = Changes::new();
        if trigger.enabled == 'A' {
            changes.remark("without ENABLE ALWAYS");
        }
        self.level(trigger, &mut changes)?;
        let definition = self.trigger_definition(trigger, &mut changes)?;
        let function = Object::new(Class::Routine, trigger.function);
        if let Some(chain) = self.missing(function) {
            return Err(Left::new(&NEEDS_MISSING, format!("it calls {chain}")));
        }
        self.trigger_needs(trigger)?;
        let mut needs = self.need(object(trigger)).must;
        needs.extend([function, Object::new(Class::Relation, relation.oid)]);
        let made = Made {
            makes: Makes::Trigger,
            readable: label(table, trigger),
            name: table.clone(),
            sql: self.statement(&definition, &mut changes),
            needs,
        };
        self.add(Some(object(trigger)), made, changes);
        Ok(())
    }

    fn level(&self, trigger: &Trigger, changes: &mut Changes) -> Result<(), Left> {
        let profile = self.build.profile;
        let (stance, kind) = match trigger.for_each_row {
            true => (Stance::of(&profile.row_triggers), &REFUSED),
            false => (Stance::of(&profile.statement_triggers), &STATEMENT),
        };
        if stance.is_refused() {
            return Err(Left::new(kind, stance.because()));
        }
        if stance == Stance::Open && (!trigger.for_each_row || trigger.transition_tables) {
            let what = match trigger.transition_tables {
                true => "trigger with transition tables",
                false => "trigger FOR EACH STATEMENT",
            };
            changes.push((&NOT_DOCUMENTED, what.to_owned()));
        }
        Ok(())
    }

    /// The definition; of a constraint trigger that of a plain one, unless the target takes it.
    fn trigger_definition(&self, trigger: &Trigger, changes: &mut Changes) -> Result<String, Left> {
        let stance = Stance::of(&self.build.profile.deferrable_constraints);
        let definition = &trigger.definition;
        if !trigger.constraint || stance.is_taken() {
            return Ok(definition.clone());
        }
        let plain = without(definition, &["NOT", "DEFERRABLE"]);
        if plain == *definition && without(definition, &["DEFERRABLE"]) != *definition {
            return Err(Left::new(&CONSTRAINT, stance.because()));
        }
        changes.push((&CONSTRAINT_PLAIN, "without CONSTRAINT".to_owned()));
        let plain = without(&plain, &["CONSTRAINT"]);
        Ok(without(&plain, &["INITIALLY", "IMMEDIATE"]))
    }

    /// Refuses a trigger whose WHEN needs what is not there.
    fn trigger_needs(&mut self, trigger: &Trigger) -> Result<(), Left> {
        let need = self.need(object(trigger));
        if let Some(chain) = self.broken(&need) {
            return Err(Left::new(&NEEDS_MISSING, format!("it needs {chain}")));
        }
        Ok(())
    }
}

fn object(trigger: &Trigger) -> Object {
    Object::new(Class::Trigger, trigger.oid)
}

fn label(table: &Name, trigger: &Trigger) -> String {
    format!("trigger {table}.{}", readable(&trigger.name))
}
