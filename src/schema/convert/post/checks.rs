//! CHECKs that are NOT VALID: after the rows, some of which may break them.

use crate::catalog::database::{Class, Name, Object};
use crate::catalog::readable;
use crate::schema::convert::Makes;
use crate::schema::convert::build::{LateCheck, LateOn};
use crate::sql;

use super::stance::{NOT_DOCUMENTED, Stance};
use super::{Changes, Made, Post};

impl Post<'_, '_> {
    /// Makes them where the target takes NOT VALID; where it does not, the first section has left them out.
    pub(super) fn late_checks(&mut self) {
        for check in std::mem::take(&mut self.build.late_checks) {
            self.late_check(&check);
        }
    }

    fn late_check(&mut self, check: &LateCheck) {
        let Some((verb, name, on)) = self.late_home(&check.on) else {
            return;
        };
        let mut changes = Changes::new();
        if Stance::of(&self.build.profile.not_valid_constraints) == Stance::Open {
            changes.push((&NOT_DOCUMENTED, "CHECK … NOT VALID".to_owned()));
        }
        let constraint = sql::identifier(&check.name);
        let inherit = if check.no_inherit { " NO INHERIT" } else { "" };
        let made = Made {
            makes: Makes::Check,
            readable: format!("check {name}.{}", readable(&check.name)),
            sql: format!(
                "ALTER {verb} {} ADD CONSTRAINT {constraint} CHECK ({}){inherit} NOT VALID",
                name.quoted(),
                check.condition
            ),
            name,
            needs: vec![on],
        };
        let object = check.oid.map(|oid| Object::new(Class::Constraint, oid));
        self.add(object, made, changes);
    }

    /// What is altered, its name in the target, and the object that it is of the source.
    fn late_home(&self, on: &LateOn) -> Option<(&'static str, Name, Object)> {
        match *on {
            LateOn::Table(oid) => {
                let home = self.homes.of(oid)?;
                let object = Object::new(Class::Relation, oid);
                Some(("TABLE", home.name.clone(), object))
            }
            LateOn::Domain(oid) => {
                let domain = self.source.user_type(oid)?;
                let object = Object::new(Class::Type, oid);
                Some(("DOMAIN", self.renamed(&domain.name), object))
            }
        }
    }
}
