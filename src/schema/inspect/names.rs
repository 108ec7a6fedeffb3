//! Names that are too long for the target.

use crate::catalog::database::Relation;
use crate::catalog::readable;
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

pub(super) static TOO_LONG: Kind = Kind {
    id: "identifier-too-long",
    severity: Severity::Blocker,
    title: "identifier that is longer than the target takes",
    happens: "it is cut or refused there, and names that begin alike may become the same",
    why: "the target's profile limits the bytes of an identifier",
    remedy: "rename it in the source, or tables and schemas by --map",
};

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let limit = looked.profile.identifier_bytes.as_ref();
    let Some(limit) = limit.and_then(|fact| usize::try_from(fact.value).ok()) else {
        return Vec::new();
    };
    let database = looked.database;
    let mut named: Vec<(String, &str)> = Vec::new();
    for schema in &database.schemas {
        named.push((format!("schema {}", readable(&schema.name)), &schema.name));
    }
    for sequence in &database.sequences {
        named.push((format!("sequence {}", sequence.name), &sequence.name.name));
    }
    for user_type in &database.types {
        named.push((format!("type {}", user_type.name), &user_type.name.name));
    }
    for routine in &database.routines {
        named.push((
            format!("routine {}", routine.signature()),
            &routine.name.name,
        ));
    }
    for relation in &database.relations {
        named.extend(of_relation(relation));
    }
    let long = named.into_iter().filter(|(_, name)| name.len() > limit);
    long.map(|(object, name)| {
        let says = format!("{} bytes, {limit} are taken", name.len());
        Finding::new(&TOO_LONG, object).detail(says)
    })
    .collect()
}

fn of_relation(relation: &Relation) -> Vec<(String, &str)> {
    let mut named = vec![(
        format!("table {}", relation.name),
        relation.name.name.as_str(),
    )];
    let columns = relation.columns.iter().map(|c| ("column", &c.name));
    let constraints = relation.constraints.iter().map(|c| ("constraint", &c.name));
    let indexes = relation.indexes.iter().map(|i| ("index", &i.name));
    let triggers = relation.triggers.iter().map(|t| ("trigger", &t.name));
    let parts = columns.chain(constraints).chain(indexes).chain(triggers);
    named.extend(parts.map(|(what, name)| {
        let object = format!("{what} {}.{}", relation.name, readable(name));
        (object, name.as_str())
    }));
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Fact;
    use crate::schema::inspect::samples::{Sample, column, found, index, table};

    #[test]
    fn names_beyond_the_targets_limit_are_found_in_bytes() {
        let mut sample = Sample::default();
        let mut table = table("t");
        table.columns = vec![column(1, "éééé", "text"), column(2, "abcdef", "text")];
        table.indexes = vec![index("abcdefg", &["abcdef"])];
        sample.database.relations.push(table);
        assert_eq!(found(&sample, find), [""; 0]);
        sample.profile.identifier_bytes = Some(Fact::probed(6));
        assert_eq!(
            found(&sample, find),
            [
                "identifier-too-long column public.t.\"éééé\" (1): 8 bytes, 6 are taken",
                "identifier-too-long index public.t.abcdefg (1): 7 bytes, 6 are taken",
            ]
        );
    }
}
