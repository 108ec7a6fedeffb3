//! ANALYZE of every table, at the very end.

use std::collections::HashMap;

use crate::catalog::database::{Class, Name, Object, Relation, RelationKind};
use crate::schema::convert::{Makes, Section, Statement};

use super::Post;
use super::stance::Stance;

impl Post<'_, '_> {
    /// Statistics of each table and materialized view, after its indexes. Where nobody knows whether the
    /// target takes ANALYZE, nothing is lost if it fails.
    pub(super) fn statistics(&mut self, relations: &[&Relation]) {
        if Stance::of(&self.build.profile.analyze).is_refused() {
            return;
        }
        let before = self.built();
        for relation in relations {
            let Some(name) = self.analyzed(relation) else {
                continue;
            };
            self.build.conversion.statements.push(Statement {
                section: Section::PostData,
                makes: Makes::Analyze,
                object: format!("analyze {name}"),
                sql: format!("ANALYZE {}", name.quoted()),
                rewritten: Vec::new(),
                needs: before.get(&name).cloned().unwrap_or_default(),
                name,
            });
        }
    }

    fn analyzed(&self, relation: &Relation) -> Option<Name> {
        if relation.kind == RelationKind::MaterializedView {
            let made = self
                .build
                .made(Object::new(Class::Relation, relation.oid))?;
            let made = &self.build.conversion.statements[made];
            return (made.makes == Makes::MaterializedView).then(|| made.name.clone());
        }
        let home = self.homes.of(relation.oid)?;
        (home.root.oid == relation.oid).then(|| home.name.clone())
    }

    /// Per table the statements that make it and its indexes.
    fn built(&self) -> HashMap<Name, Vec<usize>> {
        let mut built: HashMap<Name, Vec<usize>> = HashMap::new();
        let statements = &self.build.conversion.statements;
        for (at, statement) in statements.iter().enumerate() {
            match statement.makes {
                Makes::Table | Makes::MaterializedView | Makes::Unique => {
                    built.entry(statement.name.clone()).or_default().push(at);
                }
                Makes::Index => {
                    let mut tables = statement.needs.iter().map(|&need| &statements[need]);
                    let table =
                        tables.rfind(|s| matches!(s.makes, Makes::Table | Makes::MaterializedView));
                    if let Some(table) = table {
                        built.entry(table.name.clone()).or_default().push(at);
                    }
                }
                _ => {}
            }
        }
        built
    }
}
