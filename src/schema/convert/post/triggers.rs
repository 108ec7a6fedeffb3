//! Triggers, after everything that they call.

use std::collections::BTreeMap;

use crate::catalog::database::{Class, Name, Object, Relation, RelationKind, Trigger};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::convert::lens::Lens;
use crate::schema::finding::{Kind, Severity};
use crate::schema::syntax::{self, Rewrites};
use crate::sql;

use super::needs::Need;
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

/// A trigger that every partition has.
pub(super) static OF_ALL_PARTITIONS: Kind = Kind {
    id: "trigger-of-all-partitions",
    severity: Severity::Change,
    title: "trigger that every partition has of its own",
    happens: "it is made once, on the table that holds their rows",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "nothing",
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

/// A trigger whose WHEN uses what the other type does not have.
pub(super) static LOST_TYPE: Kind = Kind {
    id: "trigger-of-lost-type",
    severity: Severity::Loss,
    title: "trigger whose WHEN uses a type that becomes another one",
    happens: "it is left out: what it did is not done",
    why: "functions, operators or fields of its condition are not there for the other type",
    remedy: "write its condition for the other type, and create it in the target",
};

impl<'a> Post<'_, 'a> {
    /// The triggers of a table or view.
    pub(super) fn triggers(&mut self, relation: &'a Relation) {
        let Some(table) = self.trigger_table(relation) else {
            return;
        };
        if self.homes.is_part(relation.oid) {
            return;
        }
        for trigger in own_triggers(relation) {
            self.make_trigger(relation, &table, trigger, Changes::new());
        }
        self.triggers_of_parts(relation, &table);
    }

    /// Triggers that partitions have of their own: made once where every one has it.
    fn triggers_of_parts(&mut self, root: &'a Relation, table: &Name) {
        let parts: Vec<&Relation> = self.homes.parts(root.oid).to_vec();
        let leaves = parts.iter().filter(|p| p.kind != RelationKind::Partitioned);
        let all = leaves.count();
        let mut shapes: BTreeMap<String, Vec<(&Relation, &Trigger)>> = BTreeMap::new();
        for &part in &parts {
            for trigger in own_triggers(part) {
                let shape = on_table(trigger, part, root);
                shapes.entry(shape).or_default().push((part, trigger));
            }
        }
        for (definition, same) in shapes {
            let (first, trigger) = same[0];
            // One FOR EACH STATEMENT fires for statements that name the partition.
            let for_all = same.len() == all && trigger.for_each_row;
            if for_all && same.iter().all(|(_, t)| t.enabled == trigger.enabled) {
                let mut changes = Changes::new();
                let detail = format!("instead of {all} triggers of partitions");
                changes.push((&OF_ALL_PARTITIONS, detail));
                let one = Trigger {
                    definition,
                    ..trigger.clone()
                };
                self.make_trigger(root, table, &one, changes);
                continue;
            }
            let detail = format!("on {} of {all} partitions of {}", same.len(), root.name);
            let left = Left::new(&PARTITION, detail).counted(same.len());
            self.leave(object(trigger), &label(&first.name, trigger), left);
        }
    }

    fn make_trigger(
        &mut self,
        relation: &Relation,
        table: &Name,
        trigger: &Trigger,
        changes: Changes,
    ) {
        if let Err(left) = self.trigger(relation, table, trigger, changes) {
            let readable = label(&relation.name, trigger);
            self.leave(object(trigger), &readable, left);
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
        mut changes: Changes,
    ) -> Result<(), Left> {
        match trigger.enabled {
            _ if self.is_postgresql() => {}
            'D' => return Err(Left::new(&DISABLED, "disabled")),
            'R' => return Err(Left::new(&DISABLED, "fires on replicas only")),
            _ => {}
        }
        if trigger.enabled == 'A' && !self.is_postgresql() {
            changes.remark("without ENABLE ALWAYS");
        }
        self.level(trigger, &mut changes)?;
        if relation.is_view() && !self.is_postgresql() {
            changes.push((&NOT_DOCUMENTED, "trigger INSTEAD OF".to_owned()));
        }
        let definition = self.trigger_definition(trigger, &mut changes)?;
        let function = Object::new(Class::Routine, trigger.function);
        if let Some(chain) = self.missing(function) {
            return Err(Left::new(&NEEDS_MISSING, format!("it calls {chain}")));
        }
        self.trigger_needs(relation, trigger)?;
        if let Err(misuse) = Lens::new(self.build).trigger(&trigger.definition) {
            return Err(Left::new(&LOST_TYPE, format!("it uses {misuse}")));
        }
        let mut needs = self.need_of_trigger(relation, trigger).must;
        needs.extend([function, Object::new(Class::Relation, relation.oid)]);
        let made = Made {
            makes: Makes::Trigger,
            readable: label(table, trigger),
            name: table.clone(),
            sql: self.statement(&definition, &mut changes),
            needs,
        };
        self.add(Some(object(trigger)), made, changes);
        self.enabling(table, trigger);
        Ok(())
    }

    /// When a trigger fires, where a PostgreSQL is to know that it is not always.
    fn enabling(&mut self, table: &Name, trigger: &Trigger) {
        let how = match trigger.enabled {
            'D' => "DISABLE",
            'R' => "ENABLE REPLICA",
            'A' => "ENABLE ALWAYS",
            _ => return,
        };
        if !self.is_postgresql() {
            return;
        }
        let made = Made {
            makes: Makes::Trigger,
            readable: format!("{} ({how})", label(table, trigger)),
            name: table.clone(),
            sql: format!(
                "ALTER TABLE {} {how} TRIGGER {}",
                table.quoted(),
                sql::identifier(&trigger.name)
            ),
            needs: vec![object(trigger)],
        };
        self.add(None, made, Changes::new());
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

    /// What a trigger needs besides its table and the partitions of that.
    fn need_of_trigger(&mut self, relation: &Relation, trigger: &Trigger) -> Need {
        let mut need = self.need(object(trigger));
        need.must.retain(|on| {
            let home = self
                .homes
                .of(on.oid)
                .filter(|_| on.class == Class::Relation);
            home.is_none_or(|home| home.root.oid != relation.oid)
        });
        need
    }

    /// Refuses a trigger whose WHEN needs what is not there.
    fn trigger_needs(&mut self, relation: &Relation, trigger: &Trigger) -> Result<(), Left> {
        let need = self.need_of_trigger(relation, trigger);
        if let Some(chain) = self.broken(&need) {
            return Err(Left::new(&NEEDS_MISSING, format!("it needs {chain}")));
        }
        Ok(())
    }
}

/// Triggers that no table above makes, by their names.
fn own_triggers(relation: &Relation) -> Vec<&Trigger> {
    let own = |trigger: &&Trigger| !trigger.inherited && trigger.extension.is_none();
    let mut triggers: Vec<&Trigger> = relation.triggers.iter().filter(own).collect();
    triggers.sort_by(|a, b| a.name.cmp(&b.name));
    triggers
}

/// The definition of a trigger, on the table at the top.
fn on_table(trigger: &Trigger, part: &Relation, root: &Relation) -> String {
    let rewrites = Rewrites {
        names: [(part.name.clone(), root.name.clone())].into(),
        ..Rewrites::default()
    };
    let text = syntax::statement(&trigger.definition, &rewrites);
    text.unwrap_or_else(|_| trigger.definition.clone())
}

fn object(trigger: &Trigger) -> Object {
    Object::new(Class::Trigger, trigger.oid)
}

fn label(table: &Name, trigger: &Trigger) -> String {
    format!("trigger {table}.{}", readable(&trigger.name))
}
