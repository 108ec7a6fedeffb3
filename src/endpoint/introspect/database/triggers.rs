//! Triggers, policies and rules.

use super::super::answer::{Fields, Read};
use super::reading::{Reading, class};
use super::texts::MANY;
use crate::catalog::database::{Name, Policy, Rule, Trigger};
use crate::endpoint::error::Result;

/// Clones of a partitioned table's triggers are internal before PostgreSQL 15. Those of foreign keys call
/// functions of the system.
const TRIGGERS: &str = "\
SELECT t.oid, t.tgrelid, t.tgname, t.tgfoid, t.tgtype & 1, t.tgenabled, t.tgconstraint <> 0, \
       t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL, t.tgparentid <> 0 \
FROM pg_trigger t \
WHERE t.oid >= 16384 AND (NOT t.tgisinternal OR t.tgparentid <> 0 AND t.tgfoid >= 16384) \
ORDER BY t.tgrelid, t.tgname";

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let mut raws: Vec<(u32, Name, Trigger)> = Vec::new();
    reading
        .each("the triggers", TRIGGERS, |found, f| {
            let (table, mut trigger) = read_trigger(&f)?;
            let name = found.relation(table).map(|relation| relation.name.clone());
            if let Some(name) = name {
                trigger.extension = found.extension(class::TRIGGER, trigger.oid);
                trigger.comment = found.comment(class::TRIGGER, trigger.oid, 0);
                raws.push((table, name, trigger));
            }
            Ok(())
        })
        .await?;
    const SQL: &str = "SELECT t.oid, 0, pg_get_triggerdef(t.oid) FROM pg_trigger t \
                       WHERE t.oid {range}";
    let oids = raws.iter().map(|(_, _, trigger)| trigger.oid).collect();
    let mut texts = reading.texts("the triggers", oids, SQL, MANY).await?;
    for (table, name, mut trigger) in raws {
        let named = || format!("trigger {} of {name}", trigger.name);
        let text = reading.text(&mut texts, (trigger.oid, 0), named);
        trigger.definition = text.unwrap_or_default();
        if let Some(relation) = reading.relation(table) {
            relation.triggers.push(trigger);
        }
    }
    policies(reading).await?;
    rules(reading).await
}

fn read_trigger(f: &Fields<'_>) -> Read<(u32, Trigger)> {
    let trigger = Trigger {
        oid: f.number(0)?,
        name: f.text(2)?,
        definition: String::new(),
        function: f.number(3)?,
        for_each_row: f.number::<i16>(4)? != 0,
        enabled: f.letter(5),
        constraint: f.truth(6),
        transition_tables: f.truth(7),
        inherited: f.truth(8),
        extension: None,
        comment: None,
    };
    Ok((f.number(1)?, trigger))
}

async fn policies(reading: &mut Reading<'_>) -> Result<()> {
    const SQL: &str = "\
        SELECT p.polrelid, p.polname, \
               CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' \
                             WHEN 'd' THEN 'DELETE' ELSE 'ALL' END \
        FROM pg_policy p ORDER BY p.polrelid, p.polname";
    reading
        .each("the policies", SQL, |found, f| {
            if let Some(relation) = found.relation(f.number(0)?) {
                relation.policies.push(Policy {
                    name: f.text(1)?,
                    command: f.text(2)?,
                });
            }
            Ok(())
        })
        .await
}

async fn rules(reading: &mut Reading<'_>) -> Result<()> {
    const SQL: &str = "\
        SELECT r.ev_class, r.rulename, \
               CASE r.ev_type WHEN '1' THEN 'SELECT' WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' \
                              ELSE 'DELETE' END \
        FROM pg_rewrite r WHERE r.rulename <> '_RETURN' ORDER BY r.ev_class, r.rulename";
    reading
        .each("the rules", SQL, |found, f| {
            if let Some(relation) = found.relation(f.number(0)?) {
                relation.rules.push(Rule {
                    name: f.text(1)?,
                    event: f.text(2)?,
                });
            }
            Ok(())
        })
        .await
}
