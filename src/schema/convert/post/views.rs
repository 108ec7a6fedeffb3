//! Views and materialized views, each after what it selects from; rules.

use crate::catalog::database::{Class, Name, Object, Relation, RelationKind, Routine, RoutineKind};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::lens::Lens;
use crate::schema::convert::{LeftOut, Makes};
use crate::schema::finding::{Kind, Severity};
use crate::schema::syntax;

use super::indexes::options;
use super::needs::Need;
use super::source::relation_word;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::{Changes, Left, Made, Post};

/// Views at all.
pub(super) static REFUSED: Kind = Kind {
    id: "view-refused",
    severity: Severity::Loss,
    title: "view",
    happens: "it is left out",
    why: "the target does not take views",
    remedy: "write its query into the application",
};

/// A view on something that is not there.
pub(super) static NEEDS_MISSING: Kind = Kind {
    id: "view-needs-missing",
    severity: Severity::Loss,
    title: "view that selects from what is left out",
    happens: "it is left out, too",
    why: "its query names what is not in the target",
    remedy: "write it without that, and create it in the target",
};

/// A view on too many views.
pub(super) static TOO_DEEP: Kind = Kind {
    id: "view-too-deep",
    severity: Severity::Loss,
    title: "view on too many levels of views",
    happens: "it is left out",
    why: "views nest 64 levels deep at most (DB9 documentation, early 2026)",
    remedy: "write some of the views below into its query",
};

/// WITH (security_barrier …), WITH CHECK OPTION.
pub(super) static OPTIONS: Kind = Kind {
    id: "view-options",
    severity: Severity::Loss,
    title: "view with check_option, security_barrier or security_invoker",
    happens: "it is made without them: writes that it refused are accepted, rows that it hid may leak",
    why: "options of views are not documented for DB9",
    remedy: "check it in the application",
};

/// A view on a column whose type is another one.
pub(super) static CHANGED_TYPE: Kind = Kind {
    id: "view-on-changed-type",
    severity: Severity::Change,
    title: "view on a column whose type becomes another one",
    happens: "it is made over the other type, which compares and sorts otherwise; a function or operator \
              that wire9 does not know may be refused",
    why: "the type is not in the target",
    remedy: "look at its query; cast, or write it without them",
};

/// A view that uses what the other type does not have.
pub(super) static LOST_TYPE: Kind = Kind {
    id: "view-of-lost-type",
    severity: Severity::Loss,
    title: "view that uses functions, operators or fields of a type that becomes another one",
    happens: "it is left out, and so is what selects from it",
    why: "they are not there for the other type: the target would refuse the view",
    remedy: "write its query for the other type, and create it in the target",
};

/// Two views of one name.
pub(super) static NAME_TAKEN: Kind = Kind {
    id: "view-name-taken",
    severity: Severity::Loss,
    title: "view whose name is taken in the target",
    happens: "it is left out",
    why: "tables, views and indexes of a schema share their names; the mapping brought two together",
    remedy: "give one of them another name in --map",
};

/// A materialized view where there are none.
pub(super) static MATERIALIZED_AS_VIEW: Kind = Kind {
    id: "materialized-view-as-view",
    severity: Severity::Change,
    title: "materialized view",
    happens: "a plain view is made in its place: always up to date, computed by every query, without \
              indexes; REFRESH fails",
    why: "the target does not take materialized views",
    remedy: "drop REFRESH from the application; make it a table where it is slow",
};

/// A materialized view without rows.
pub(super) static UNPOPULATED: Kind = Kind {
    id: "materialized-view-unpopulated",
    severity: Severity::Note,
    title: "materialized view that holds no rows yet",
    happens: "it is filled when it is made",
    why: "WITH NO DATA is not documented for DB9",
    remedy: "nothing",
};

impl<'a> Post<'_, 'a> {
    /// All views that are not there yet, and the indexes of materialized ones.
    pub(super) fn views(&mut self, relations: &[&'a Relation]) {
        for relation in relations.iter().filter(|r| r.is_view()) {
            self.ensure(Object::new(Class::Relation, relation.oid));
        }
        for &relation in relations {
            let object = Object::new(Class::Relation, relation.oid);
            if relation.kind != RelationKind::MaterializedView {
                continue;
            }
            let made = self.build.made(object);
            let made = made.map(|index| &self.build.conversion.statements[index]);
            let made = made.filter(|s| s.makes == Makes::MaterializedView);
            if let Some(name) = made.map(|statement| statement.name.clone()) {
                self.indexes_of_view(relation, &name);
            }
        }
    }

    /// Makes a view, or leaves it out; what it selects from has been looked at.
    pub(super) fn view(&mut self, relation: &'a Relation) {
        let object = Object::new(Class::Relation, relation.oid);
        let readable = format!("{} {}", relation_word(relation.kind), relation.name);
        let need = self.need(object);
        if let Some(why) = refused(relation, self.build.profile) {
            // The finding is the query's own.
            self.chains.insert(object, readable.clone());
            self.build.leave_out(object, readable, why);
            return;
        }
        match self.view_made(relation, &need) {
            Ok((made, changes)) => {
                self.add(Some(object), made, changes);
            }
            Err(left) => {
                if let Some(chain) = self.broken(&need) {
                    let chain = format!("{} → {chain}", relation.name);
                    self.chains.insert(object, chain);
                }
                self.leave(object, &readable, left);
            }
        }
    }

    fn view_made(&mut self, relation: &'a Relation, need: &Need) -> Result<(Made, Changes), Left> {
        let profile = self.build.profile;
        let views = Stance::of(&profile.views);
        let mut kind = relation.kind;
        let mut changes = Changes::new();
        if kind == RelationKind::MaterializedView {
            let stance = Stance::of(&profile.materialized_views);
            match stance {
                Stance::Refused(_) => {
                    changes.push((&MATERIALIZED_AS_VIEW, "a plain view".to_owned()));
                    kind = RelationKind::View;
                }
                Stance::Open => {
                    changes.push((&NOT_DOCUMENTED, "CREATE MATERIALIZED VIEW".to_owned()));
                }
                Stance::Taken => {}
            }
        }
        if kind == RelationKind::View && views.is_refused() {
            return Err(Left::new(&REFUSED, views.because()));
        }
        if let Some(chain) = self.broken(need) {
            let chain = format!("{} → {chain}", relation.name);
            return Err(Left::new(&NEEDS_MISSING, chain));
        }
        match Lens::new(self.build).view(relation) {
            Ok(columns) => self.build.view_columns.insert(relation.oid, columns),
            Err(misuse) => return Err(Left::new(&LOST_TYPE, format!("it uses {misuse}"))),
        };
        self.depth(relation, kind, need)?;
        let changed = self.changed_columns(relation);
        if !changed.is_empty() {
            changes.push((&CHANGED_TYPE, changed.join(", ")));
        }
        let name = self.renamed(&relation.name);
        if self.name_taken.contains(&relation.oid) {
            return Err(Left::new(&NAME_TAKEN, name.to_string()));
        }
        let sql = self.view_sql(relation, kind, &name, &mut changes)?;
        let makes = match kind {
            RelationKind::MaterializedView => Makes::MaterializedView,
            _ => Makes::View,
        };
        let made = Made {
            makes,
            readable: format!("{} {name}", relation_word(kind)),
            name,
            sql,
            needs: need.must.clone(),
        };
        Ok((made, changes))
    }

    /// Columns below a view of which operators and functions are not those of the source.
    fn changed_columns(&self, view: &Relation) -> Vec<String> {
        let object = Object::new(Class::Relation, view.oid);
        let edges = self.build.needs_of(object).iter();
        let edges = edges.filter(|edge| edge.on.class == Class::Relation);
        let columns = edges.filter_map(|edge| {
            let relation = self.source.relation(edge.on.oid)?;
            let column = edge.on_column.as_deref()?;
            let becomes = match relation.column(column) {
                Some(field) => self.foreign_type(relation, field)?,
                // Of a view a dump does not tell the columns.
                None => Lens::new(self.build).becomes_in_view(relation, column)?,
            };
            Some(format!(
                "{}.{} becomes {becomes}",
                relation.name,
                readable(column)
            ))
        });
        let mut columns: Vec<String> = columns.collect();
        columns.sort();
        columns.dedup();
        columns
    }

    fn view_sql(
        &self,
        relation: &Relation,
        kind: RelationKind,
        name: &Name,
        changes: &mut Changes,
    ) -> Result<String, Left> {
        let Some(query) = &relation.query else {
            return Err(Left::new(&NEEDS_MISSING, "its query could not be read"));
        };
        let query = self.statement(query, changes);
        let name = name.quoted();
        if kind == RelationKind::View {
            let with = self.view_options(relation, changes);
            return Ok(format!("CREATE VIEW {name}{with} AS\n{query}"));
        }
        let mut with = String::new();
        if !relation.options.is_empty() && self.is_postgresql() {
            with = format!(" WITH ({})", options(&relation.options));
        } else if !relation.options.is_empty() {
            changes.remark(format!("without {}", relation.options.join(", ")));
        }
        let mut sql = format!("CREATE MATERIALIZED VIEW {name}{with} AS\n{query}");
        if !relation.populated && self.is_postgresql() {
            sql.push_str("\nWITH NO DATA");
        } else if !relation.populated {
            changes.push((&UNPOPULATED, String::new()));
        }
        Ok(sql)
    }

    /// ` WITH (…)` of a view, where the target is a PostgreSQL.
    fn view_options(&self, relation: &Relation, changes: &mut Changes) -> String {
        if relation.options.is_empty() || relation.kind != RelationKind::View {
            return String::new();
        }
        if self.is_postgresql() {
            return format!(" WITH ({})", options(&relation.options));
        }
        let lost = relation.options.iter().map(String::as_str);
        let lost: Vec<&str> = lost.filter(|option| !option.ends_with("=false")).collect();
        if !lost.is_empty() {
            changes.push((&OPTIONS, format!("without {}", lost.join(", "))));
        }
        String::new()
    }

    /// Counts the levels of views below; a materialized view is a table to those above it.
    fn depth(&mut self, relation: &Relation, kind: RelationKind, need: &Need) -> Result<(), Left> {
        let views = need.must.iter().filter(|on| on.class == Class::Relation);
        let below = views.filter_map(|on| self.depths.get(&on.oid)).max();
        let depth = below.copied().unwrap_or(0) + 1;
        let limit = self
            .build
            .profile
            .view_depth
            .as_ref()
            .map(|fact| fact.value);
        if limit.is_some_and(|limit| depth > limit) {
            return Err(Left::new(&TOO_DEEP, format!("{depth} levels")));
        }
        if kind == RelationKind::View {
            self.depths.insert(relation.oid, depth);
        }
        Ok(())
    }

    /// Rules of a relation are left out; that it has some is a finding of its own elsewhere.
    pub(super) fn rules(&mut self, relation: &Relation) {
        for rule in &relation.rules {
            self.build.conversion.left_out.push(LeftOut {
                object: format!("rule {}.{}", relation.name, readable(&rule.name)),
                why: format!("rules are not supported (ON {})", rule.event),
            });
        }
    }
}

/// What of its query the target refuses: it is judged like the body of a function in SQL.
fn refused(view: &Relation, profile: &Profile) -> Option<String> {
    let body = view.query.clone()?;
    let judged = Routine {
        oid: view.oid,
        name: view.name.clone(),
        arguments: String::new(),
        kind: RoutineKind::Function,
        language: "sql".to_owned(),
        definition: None,
        body,
        sql_body: None,
        returns: 0,
        is_trigger: false,
        security_definer: false,
        settings: Vec::new(),
        extension: None,
        comment: None,
    };
    let refused = syntax::refused_features(&judged, profile);
    let words: Vec<String> = refused.into_iter().map(|r| r.what).collect();
    (!words.is_empty()).then(|| format!("it uses {}", words.join(", ")))
}
